import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q } from '../../db/quote.ts';
import type { Finding } from '../../report.ts';
import type { Check } from '../definition.ts';

/** An index that is being built right now looks invalid too. */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, i.relname AS name, i.relkind = 'I' AS "isPartitioned"
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", i.relname COLLATE "C"`;

type Row = { schema: string; parent: string; name: string; isPartitioned: boolean };

function toFinding({ isPartitioned, ...names }: Row): Finding {
  const object = objectName({ kind: 'index', ...names });
  return {
    code: 'invalid-index',
    severity: isPartitioned ? 'warning' : 'error',
    message: isPartitioned
      ? `${object} is invalid: not every partition has its part of it.`
      : `${object} is invalid: no query uses it, and it checks nothing.`,
    help: helpFor(`${q(names.schema)}.${q(names.name)}`, names.name, isPartitioned),
    where: { object },
    key: `invalid-index:${object}`,
  };
}

function helpFor(index: string, name: string, isPartitioned: boolean): string {
  if (isPartitioned)
    return `Build it on each partition that has none (CREATE INDEX CONCURRENTLY), then: ALTER INDEX ${index} ATTACH PARTITION …`;
  return /_cc(?:new|old)\d*$/.test(name)
    ? `REINDEX CONCURRENTLY left it behind; drop it: DROP INDEX CONCURRENTLY ${index};`
    : `Rebuild it: REINDEX INDEX CONCURRENTLY ${index};`;
}

export const invalidIndex: Check = {
  name: 'invalid-index',
  group: 'health',
  summary:
    'No index is invalid: a failed CREATE INDEX CONCURRENTLY leaves one that writes pay for and no query uses.',
  run: async ({ session }) => (await session.query<Row>(sql)).map(toFinding),
  examples: [
    {
      breaks: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_purchases_created_at'::regclass`,
      mends: `UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'idx_purchases_created_at'::regclass`,
      finding: 'invalid-index',
    },
  ],
};
