import { objectName } from '../../catalog/snapshot.ts';
import { quoteLiteral, quoteName } from '../../db/quote.ts';
import { formatBytes } from '../../output/number.ts';
import { isOfTeam } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';
import { rowReader, type RowReader } from '../read-rows.ts';

/**
 * Estimates how many bytes the entries of a B-tree need: 8 bytes of header and 4 of line pointer for each,
 * its values aligned to 8 bytes, in pages of 8 kB that are filled to the fillfactor. Without statistics of a
 * column, its width is unknown and the index is skipped. Equal entries are stored once since PostgreSQL 13,
 * so that an index can be smaller than that. `measure` is the schema of pgstattuple.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS table, i.relname AS name, i.relpages::float8 * current_setting('block_size')::int AS bytes,
    ceil(i.reltuples::float8 * (12 + 8 * ceil(w.width / 8))
      / ((current_setting('block_size')::float8 - 40) * coalesce(substring(i.reloptions::text FROM 'fillfactor=([0-9]+)')::float8, 90) / 100))
      * current_setting('block_size')::float8 AS needed, w.is_known AS "isKnown",
    (SELECT s.nspname FROM pg_extension e JOIN pg_namespace s ON s.oid = e.extnamespace WHERE e.extname = 'pgstattuple') AS measure
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam
    CROSS JOIN LATERAL (SELECT coalesce(sum(s.avg_width * (1 - s.null_frac)), 0)::float8 AS width,
        bool_and(s.avg_width IS NOT NULL) AS is_known
      FROM pg_attribute k LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[k.attnum - 1]
        LEFT JOIN pg_stats s ON s.schemaname = n.nspname
          AND (s.tablename, s.attname) IN ((c.relname, a.attname), (i.relname, k.attname))
          AND NOT s.inherited
      WHERE k.attrelid = i.oid) w
  WHERE m.amname = 'btree' AND i.relkind = 'i' AND x.indisvalid AND i.reltuples >= 0 AND c.relpersistence <> 't'
    AND x.indpred IS NULL AND i.relpages::float8 * current_setting('block_size')::int >= $1::float8
    AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ORDER BY bytes, n.nspname COLLATE "C", i.relname COLLATE "C"`;

interface LargeIndex {
  schema: string;
  table: string;
  name: string;
  bytes: number;
  needed: number;
  isKnown: boolean | null;
  measure: string | null;
}

/** Milliseconds for one index: pgstattuple reads all of it. */
const limit = 10_000;

/** Returns the empty percentage of the leaf pages as pgstattuple measures it, if it can. */
async function measured(
  reader: RowReader,
  { schema, name, measure }: LargeIndex,
): Promise<number | undefined> {
  if (measure === null) return undefined;
  const call = `${quoteName({ schema: measure, name: 'pgstatindex' })}(${quoteLiteral(quoteName({ schema, name }))})`;
  const answer = await reader.read<{ empty: number }>(
    `SELECT (100 - 100 * (index_size - (empty_pages + deleted_pages) * current_setting('block_size')::int)::float8
      / greatest(index_size, 1) * nullif(avg_leaf_density, 'NaN') / 100)::float8 AS empty FROM ${call}`,
    limit,
  );
  return 'rows' in answer ? (answer.rows[0]?.empty ?? undefined) : undefined;
}

export const indexBloat: Check = {
  name: 'index-bloat',
  group: 'indexes',
  severity: 'info',
  isStatic: false,
  summary: 'No large index is mostly empty.',
  harm: 'Empty pages occupy disk space and memory, and a scan reads more pages than necessary. It follows from many deletions or changes, or from an autovacuum that does not keep up.',
  cure: 'Rebuild it with REINDEX INDEX CONCURRENTLY, which needs space for a second copy meanwhile.',
  limits:
    'Only B-tree indexes of at least thresholds.bloatBytes (100 MB), from thresholds.bloatPercent (50 %). It is an estimate from the statistics of ANALYZE, unless the extension pgstattuple is installed and the role may use it. Partial indexes and those on columns without statistics are not estimated; an index with many equal values appears smaller than the estimate expects.',
  async find({ session, thresholds: { bloatPercent, bloatBytes } }) {
    const rows = await session.query<LargeIndex & Record<string, unknown>>(sql, [bloatBytes]);
    const reader = rowReader(session);
    const problems: Problem[] = [];
    for (const index of rows) {
      const { schema, table, name, bytes, needed, isKnown } = index;
      const estimate = isKnown ? 100 * (1 - needed / bytes) : 0;
      if (estimate < bloatPercent) continue;
      const exact = await measured(reader, index);
      const empty = exact ?? estimate;
      if (empty < bloatPercent) continue;
      const object = { kind: 'index', schema, parent: table, name };
      problems.push({
        object,
        message: `${objectName(object)} (${formatBytes(bytes)}) is ${Math.round(empty)} % empty (${exact === undefined ? 'estimated from the statistics of ANALYZE' : 'measured by pgstattuple'}).`,
        help: 'Rebuild it (does not block reads or writes)',
        fix: `REINDEX INDEX CONCURRENTLY ${quoteName({ schema, name })};`,
      });
    }
    return problems.toSorted(byObject);
  },
};

function byObject({ object: a }: Problem, { object: b }: Problem): number {
  const [left, right] = [objectName(a), objectName(b)];
  return left < right ? -1 : Number(left > right);
}
