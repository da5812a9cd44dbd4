import { endOfLife } from '../../db/server-health.ts';
import type { Check } from '../definition.ts';

export const versionEndOfLife: Check = {
  name: 'version-end-of-life',
  group: 'server',
  severity: 'warning',
  isStatic: false,
  summary: 'The major version of the server receives corrections.',
  harm: 'Faults and vulnerabilities that are found from then on are not corrected.',
  cure: 'Upgrade to a newer major version: pg_upgrade, logical replication, or the upgrade of your provider.',
  limits:
    'The dates are those that the PostgreSQL project published when this version of dbops was made. Whether the newest minor release is installed is not checked.',
  async find({ session }) {
    const { kind, major, version } = session.server;
    if (kind === 'pglite') return [];
    const [row] = await session.query<{ today: string }>('SELECT current_date::text AS today');
    const day = endOfLife(major, row?.today ?? '');
    if (day === undefined) return [];
    return [
      {
        object: { kind: 'server', schema: '', parent: '', name: `PostgreSQL ${major}` },
        message: `PostgreSQL ${version} has received no corrections since ${day}.`,
        help: 'Upgrade the server to a newer major version.',
      },
    ];
  },
};
