import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import type { Check } from '../definition.ts';

const sql = `SELECT n.nspname AS schema, c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'm' AND NOT c.relispopulated AND n.nspname !~ '^pg_'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

export const unpopulatedView: Check = {
  name: 'unpopulated-view',
  group: 'integrity',
  severity: 'warning',
  isStatic: false,
  summary: 'Every materialized view is populated; querying one that is not fails.',
  harm: 'A query on a materialized view that was created WITH NO DATA is an error until it is refreshed.',
  cure: 'Refresh it. The first REFRESH locks the view; later ones can be CONCURRENTLY if it has a unique index.',
  example: 'CREATE MATERIALIZED VIEW totals AS SELECT 1 AS total WITH NO DATA;',
  limits: 'It does not see whether the rows of a populated view are up to date.',
  async find({ session }) {
    const rows = await session.query<{ schema: string; name: string }>(sql);
    return rows.map((row) => {
      const object = { kind: 'view', parent: '', ...row };
      return {
        object,
        message: `${objectName(object)} is not populated; querying it fails.`,
        help: 'Populate it',
        fix: `REFRESH MATERIALIZED VIEW ${quoteName(row)};`,
      };
    });
  },
};
