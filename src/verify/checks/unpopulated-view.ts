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
  summary: 'Every materialized view is populated: a query of one that is not is an error.',
  async run({ session }) {
    const rows = await session.query<{ schema: string; name: string }>(sql);
    return rows.map((row) => {
      const object = objectName({ kind: 'view', parent: '', ...row });
      return {
        code: 'unpopulated-view',
        severity: 'warning',
        message: `${object} has not been populated; a query of it fails.`,
        help: `Fill it: REFRESH MATERIALIZED VIEW ${quoteName(row)};`,
        where: { object },
        key: `unpopulated-view:${object}`,
      };
    });
  },
  examples: [
    {
      breaks: 'CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM users WITH NO DATA',
      mends: 'DROP MATERIALIZED VIEW totals',
      finding: 'unpopulated-view',
    },
  ],
};
