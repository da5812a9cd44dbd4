import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import type { Check } from '../definition.ts';

const sql = `SELECT n.nspname AS schema, c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'm' AND NOT c.relispopulated AND n.nspname !~ '^pg_'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

export const unpopulatedView: Check = {
  name: 'unpopulated-view',
  group: 'health',
  summary: 'Every materialized view is populated; querying one that is not fails.',
  async run({ session }) {
    const rows = await session.query<{ schema: string; name: string }>(sql);
    return rows.map((row) => {
      const object = objectName({ kind: 'view', parent: '', ...row });
      return {
        code: 'unpopulated-view',
        severity: 'warning',
        message: `${object} is not populated; querying it fails.`,
        help: `Populate it: REFRESH MATERIALIZED VIEW ${quoteName(row)};`,
        where: { object },
        key: `unpopulated-view:${object}`,
      };
    });
  },
};
