import { spread, type Months } from '../../../seed/months.ts';
import { ref, type SeedRow, type SeedTable } from '../../../seed/definition.ts';
import { free, pro } from '../users/people.ts';
import { acme } from './organization.ts';

const client = ref('record_types', 'client');

export const recordTypes: SeedTable = {
  table: 'record_types',
  key: ['organization_id', 'key'],
  managed: [],
  rows: [
    {
      name: 'client',
      values: { organization_id: acme, key: 'client', name: 'Client', fields: ['name', 'email'] },
    },
  ],
};

/** The rows of the `record_created` events: five by the owner, then seven by the member. */
export function records({ previous, elapsed }: Months): SeedTable {
  const dates = [...spread(previous, 5), ...spread(elapsed, 7)];
  const row = (createdAt: Date, index: number): SeedRow => ({
    name: `client ${index + 1}`,
    values: {
      organization_id: acme,
      record_type_id: client,
      created_by: createdAt < elapsed.from ? pro : free,
      data: { name: `Client ${index + 1}`, email: `client${index + 1}@example.com` },
      created_at: createdAt,
    },
  });
  return { table: 'records', key: [], managed: [], rows: dates.map(row) };
}

/** 31 GB together, as the last `storage_used` event says. */
export const attachments: SeedTable = {
  table: 'attachments',
  key: ['storage_path'],
  managed: [],
  rows: [
    attachment('course-1.mp4', 12_000_000_000),
    attachment('course-2.mp4', 11_000_000_000),
    attachment('webinar.mp4', 8_000_000_000),
  ],
};

function attachment(name: string, bytes: number): SeedRow {
  return {
    name,
    values: {
      organization_id: acme,
      record_id: ref('records', 'client 1'),
      uploaded_by: pro,
      storage_path: `seed/acme-studio/${name}`,
      file_name: name,
      content_type: 'video/mp4',
      size_bytes: bytes,
    },
  };
}

export function schedules({ current }: Months): SeedTable {
  const row = (name: string, every: string): SeedRow => ({
    name,
    values: {
      organization_id: acme,
      created_by: pro,
      name,
      starts_at: current.to,
      every,
      next_run_at: current.to,
    },
  });
  return {
    table: 'schedules',
    key: [],
    managed: [],
    rows: [
      row('Weekly digest', '7 days'),
      row('Monthly invoice', '1 month'),
      row('Nightly export', '1 day'),
    ],
  };
}
