import type { Check } from './check.ts';

/** An index that is being built right now looks invalid too; so does a partitioned parent's. */
const sql = `SELECT n.nspname AS schema, c.relname AS "table", i.relname AS index
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) AND i.relkind = 'i' AND n.nspname NOT LIKE 'pg\\_%'
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)
  ORDER BY 1, 2, 3`;

type Row = { schema: string; table: string; index: string };

export const invalidIndex: Check = {
  name: 'invalid-index',
  group: 'health',
  summary:
    'No index is invalid: a failed CREATE INDEX CONCURRENTLY leaves one that writes pay for and no query uses.',
  async run({ session }) {
    const rows = await session.query<Row>(sql);
    return rows.map(({ schema, table, index }) => ({
      code: 'invalid-index',
      severity: 'error',
      message: `${schema}.${index} on ${table} is invalid: no query uses it, and it checks nothing.`,
      help: `Rebuild it: REINDEX INDEX CONCURRENTLY ${schema}.${index};`,
      where: { object: `${index} on ${schema}.${table}` },
      key: `invalid-index:${schema}.${index}`,
    }));
  },
  examples: [
    {
      breaks: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_purchases_created_at'::regclass`,
      mends: `UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'idx_purchases_created_at'::regclass`,
      finding: 'invalid-index',
    },
  ],
};
