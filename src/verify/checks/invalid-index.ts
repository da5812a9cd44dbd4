import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q } from '../../db/quote.ts';
import type { Finding } from '../../report.ts';
import type { Check } from '../definition.ts';

/** Excludes indexes that are being built: they are invalid until the build ends. */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, i.relname AS name, i.relkind = 'I' AS "isPartitioned"
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", i.relname COLLATE "C"`;

type InvalidIndex = { schema: string; parent: string; name: string; isPartitioned: boolean };

function toFinding({ isPartitioned, ...names }: InvalidIndex): Finding {
  const object = objectName({ kind: 'index', ...names });
  return {
    code: 'invalid-index',
    severity: isPartitioned ? 'warning' : 'error',
    message: isPartitioned
      ? `${object} is invalid: some partitions lack an attached index.`
      : `${object} is invalid: queries do not use it and it enforces nothing.`,
    help: helpFor(`${q(names.schema)}.${q(names.name)}`, names.name, isPartitioned),
    where: { object },
    key: `invalid-index:${object}`,
  };
}

function helpFor(index: string, name: string, isPartitioned: boolean): string {
  if (isPartitioned)
    return `Create the index on each partition that lacks it (CREATE INDEX CONCURRENTLY), then: ALTER INDEX ${index} ATTACH PARTITION …`;
  return /_cc(?:new|old)\d*$/.test(name)
    ? `Drop it, REINDEX CONCURRENTLY left it behind: DROP INDEX CONCURRENTLY ${index};`
    : `Rebuild it: REINDEX INDEX CONCURRENTLY ${index};`;
}

export const invalidIndex: Check = {
  name: 'invalid-index',
  group: 'health',
  summary:
    'No index is invalid; a failed CREATE INDEX CONCURRENTLY leaves one that slows down writes and serves no query.',
  run: async ({ session }) => (await session.query<InvalidIndex>(sql)).map(toFinding),
};
