import { ref } from '../../../declared/definition.ts';
import type { DeclaredRow, Seeds } from '../../../seed/definition.ts';
import { seedId } from '../ids.ts';
import { monthsAround, spread } from '../months.ts';
import { free, pro } from '../users/people.ts';
import { acme } from './organization.ts';

export const recordTypes: Seeds[string] = {
  table: 'record_types',
  key: ['organization_id', 'key'],
  once: '*',
  rows: [
    {
      id: seedId('record_types', 'client'),
      organization_id: acme,
      key: 'client',
      name: 'Client',
      fields: ['name', 'email'],
    },
  ],
};

/** The rows of the `record_created` events: five by the owner, then seven by the member. */
export const records: Seeds[string] = {
  table: 'records',
  key: ['id'],
  once: '*',
  rows: ({ now }) => {
    const { previous, elapsed } = monthsAround(now);
    return [...spread(previous, 5), ...spread(elapsed, 7)].map((createdAt, index) => ({
      id: seedId('records', `client ${index + 1}`),
      organization_id: acme,
      record_type_id: ref('record-types', 'acme-studio-test', 'client'),
      created_by: createdAt < elapsed.from ? pro : free,
      data: { name: `Client ${index + 1}`, email: `client${index + 1}@example.com` },
      created_at: createdAt,
    }));
  },
};

/** 31 GB together, as the last `storage_used` event says. */
export const attachments: Seeds[string] = {
  table: 'attachments',
  key: ['storage_path'],
  once: '*',
  rows: [
    attachment('course-1.mp4', 12_000_000_000),
    attachment('course-2.mp4', 11_000_000_000),
    attachment('webinar.mp4', 8_000_000_000),
  ],
};

function attachment(name: string, bytes: number): DeclaredRow {
  return {
    id: seedId('attachments', name),
    organization_id: acme,
    record_id: ref('records', seedId('records', 'client 1')),
    uploaded_by: pro,
    storage_path: `seed/acme-studio/${name}`,
    file_name: name,
    content_type: 'video/mp4',
    size_bytes: bytes,
  };
}

export const schedules: Seeds[string] = {
  table: 'schedules',
  key: ['id'],
  once: '*',
  rows: ({ now }) => {
    const { current } = monthsAround(now);
    const row = (name: string, every: string) => ({
      id: seedId('schedules', name),
      organization_id: acme,
      created_by: pro,
      name,
      starts_at: current.to,
      every,
      next_run_at: current.to,
    });
    return [
      row('Weekly digest', '7 days'),
      row('Monthly invoice', '1 month'),
      row('Nightly export', '1 day'),
    ];
  },
};
