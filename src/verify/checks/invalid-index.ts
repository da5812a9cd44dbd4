import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import type { Check, Problem } from '../definition.ts';

/**
 * Excludes indexes that are being built: they are invalid until the build ends. `columns` are the
 * expressions of the key, `isDistinct` is whether NULLs are equal to one another.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, i.relname AS name, i.relkind = 'I' AS "isPartitioned",
    x.indisunique AS "isUnique", pg_get_expr(x.indpred, x.indrelid) AS predicate,
    coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false) AS "nullsNotDistinct",
    ARRAY(SELECT pg_get_indexdef(i.oid, at, true) FROM generate_series(1, x.indnkeyatts) at) AS columns
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", i.relname COLLATE "C"`;

interface InvalidIndex extends Record<'schema' | 'parent' | 'name', string> {
  isPartitioned: boolean;
  isUnique: boolean;
  /** SQL of the condition of a partial index. */
  predicate: string | null;
  nullsNotDistinct: boolean;
  columns: string[];
}

function problemOf(index: InvalidIndex): Problem {
  const { schema, parent, name, isPartitioned } = index;
  const object = { kind: 'index', schema, parent, name };
  return {
    object,
    ...(isPartitioned && { severity: 'warning' }),
    message: isPartitioned
      ? `${objectName(object)} is invalid: some partitions lack an attached index.`
      : `${objectName(object)} is invalid: queries do not use it and it enforces nothing.`,
    ...cureOf(index),
  };
}

function cureOf(found: InvalidIndex): Pick<Problem, 'help' | 'fix'> {
  const { schema, name, isPartitioned, isUnique } = found;
  const index = quoteName({ schema, name });
  if (isPartitioned)
    return {
      help: `Create the index on each partition that lacks it (CREATE INDEX CONCURRENTLY), then: ALTER INDEX ${index} ATTACH PARTITION …`,
    };
  if (/_cc(?:new|old)\d*$/.test(name))
    return {
      help: 'Drop it, REINDEX CONCURRENTLY left it behind',
      fix: `DROP INDEX CONCURRENTLY ${index};`,
    };
  const rebuild = `REINDEX INDEX CONCURRENTLY ${index};`;
  if (!isUnique) return { help: 'Rebuild it', fix: rebuild };
  return {
    help: `Rows with the same values prevent a unique index, and a REINDEX that finds some leaves a further invalid index. Find them, correct them, then rebuild it: ${duplicatesOf(found)} ${rebuild}`,
  };
}

/** Returns a query for the values that rows share; NULLs differ from one another by default. */
function duplicatesOf({ schema, parent, columns, predicate, nullsNotDistinct }: InvalidIndex) {
  const present = nullsNotDistinct ? [] : columns.map((each) => `(${each}) IS NOT NULL`);
  const conditions = [...(predicate === null ? [] : [`(${predicate})`]), ...present];
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  const places = columns.map((_, at) => at + 1).join(', ');
  return `SELECT ${columns.join(', ')}, count(*) FROM ${quoteName({ schema, name: parent })}${where} GROUP BY ${places} HAVING count(*) > 1;`;
}

export const invalidIndex: Check = {
  name: 'invalid-index',
  group: 'integrity',
  severity: 'error',
  isStatic: true,
  summary:
    'No index is invalid; a failed CREATE INDEX CONCURRENTLY leaves one that slows down writes and serves no query.',
  harm: 'Every write maintains the index, no query uses it, and a unique one does not reject duplicates.',
  cure: 'Rebuild it with REINDEX INDEX CONCURRENTLY. Where it is unique, find and correct the rows with the same values first.',
  limits: 'An index that is being built at this moment is not reported.',
  find: async ({ session }) =>
    (await session.query<InvalidIndex & Record<string, unknown>>(sql)).map(problemOf),
};
