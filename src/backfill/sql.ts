import { quoteIdentifier as q } from '../db/quote.ts';
import type { BackfillTarget } from './definition.ts';

/**
 * Fills the next `$2` empty rows after key `$1` whose source knows the value. Rows are locked in
 * key order, so that two runs can't deadlock; FOR NO KEY UPDATE lets foreign key checks pass.
 */
export function fillBatch({ table, key, column, reference, source }: BackfillTarget): string {
  return `WITH batch AS (
      SELECT t.${q(key)} AS key, s.${q(source.value)} AS value
        FROM ${q(table)} t JOIN ${q(source.table)} s ON s.${q(source.key)} = t.${q(reference)}
       WHERE t.${q(column)} IS NULL AND s.${q(source.value)} IS NOT NULL
         AND ($1::text IS NULL OR t.${q(key)} > $1::text::uuid)
       ORDER BY t.${q(key)} LIMIT $2 FOR NO KEY UPDATE OF t
    ), filled AS (
      UPDATE ${q(table)} t SET ${q(column)} = batch.value FROM batch WHERE t.${q(key)} = batch.key
      RETURNING t.${q(key)} AS key
    )
    SELECT count(*)::int AS rows, (array_agg(key ORDER BY key DESC))[1]::text AS last FROM filled`;
}

/** One pass over the table: every row is right, fillable, an orphan or mismatched. */
export function account({ table, column, reference, source }: BackfillTarget): string {
  return `SELECT count(*)::int AS total,
      count(*) FILTER (WHERE t.${q(column)} = s.${q(source.value)})::int AS "right",
      count(*) FILTER (WHERE t.${q(column)} IS NULL AND s.${q(source.value)} IS NOT NULL)::int AS fillable,
      count(*) FILTER (WHERE t.${q(column)} IS NULL AND s.${q(source.value)} IS NULL)::int AS orphans,
      count(*) FILTER (WHERE t.${q(column)} IS NOT NULL AND t.${q(column)} IS DISTINCT FROM s.${q(source.value)})::int AS mismatched
    FROM ${q(table)} t LEFT JOIN ${q(source.table)} s ON s.${q(source.key)} = t.${q(reference)}`;
}

/** Some orphans, for people. */
export function orphanSamples({ table, key, column, reference, source }: BackfillTarget): string {
  return `SELECT t.${q(key)}::text AS key, t.${q(reference)}::text AS reference
    FROM ${q(table)} t LEFT JOIN ${q(source.table)} s ON s.${q(source.key)} = t.${q(reference)}
    WHERE t.${q(column)} IS NULL AND s.${q(source.value)} IS NULL ORDER BY 1 LIMIT 5`;
}
