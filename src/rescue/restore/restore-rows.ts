import { isSameText } from '../../db/compare.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { isMatch, keptRows, liveRows, rowOf } from '../row-matching.ts';
import { countFates, type RestoreTarget } from './row-outcome.ts';
import { isOrphan } from './foreign-keys.ts';

/**
 * Returns SQL that restores the rows of a table and counts the outcomes. A row whose key already
 * exists is skipped, and so is one that another unique index would refuse. It runs under the path
 * of the role: operators are named with their schemas.
 */
export function restoreRows(place: RestoreTarget): string {
  const { record, shape, options } = place;
  const own = record.columns.map(({ name }) => name);
  const columns = [...own, ...place.further.map(({ column }) => column)];
  const isEqual = own
    .map((name) => isSameText(`l.${q(name)}::pg_catalog.text`, `k.${q(name)}::pg_catalog.text`))
    .join(' AND ');
  const pairs = `SELECT k.*, CASE
      WHEN l.dbops_at IS NOT NULL AND ${isEqual} THEN 'same'
      WHEN l.dbops_at IS NOT NULL THEN 'conflict'
      WHEN ${isOrphan(place, (name) => `k.${q(name)}`)} THEN 'orphan'
      ELSE 'restored' END AS dbops_fate
    FROM ${wholeRows(place)} k LEFT JOIN ${liveRows(shape, record)} l ON ${isMatch}`;
  if (options.dryRun) return `WITH pairs AS MATERIALIZED (${pairs}) ${countFates}`;
  const types = new Map(shape.columns.map(({ name, bareType }) => [name, bareType]));
  const values = columns.map((name) => `k.${q(name)}::${types.get(name)}`);
  const written = `INSERT INTO ${quoteName({ schema: shape.schema, name: shape.table })}
      (${columns.map(q).join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${values.join(', ')} FROM pairs k WHERE dbops_fate OPERATOR(pg_catalog.=) 'restored' ORDER BY dbops_order
    ${shape.hasDeferrableKey ? '' : 'ON CONFLICT DO NOTHING'} RETURNING 1`;
  return `WITH pairs AS MATERIALIZED (${pairs}), written AS (${written}),
      refused AS (SELECT (SELECT pg_catalog.count(*) FROM pairs WHERE dbops_fate OPERATOR(pg_catalog.=) 'restored')
          OPERATOR(pg_catalog.-) (SELECT pg_catalog.count(*) FROM written) AS rows)
    SELECT fate, CASE WHEN fate OPERATOR(pg_catalog.=) 'restored'
        THEN rows OPERATOR(pg_catalog.-) (SELECT rows::pg_catalog.float8 FROM refused) ELSE rows END AS rows
      FROM (${countFates}) counts
    UNION ALL SELECT 'conflict', rows::pg_catalog.float8 FROM refused WHERE rows OPERATOR(pg_catalog.>) 0`;
}

/**
 * The rows of the copy with the values of columns that were kept apart, because an earlier step
 * dropped them: a column that is NOT NULL takes no row without one.
 */
function wholeRows({ record, further }: RestoreTarget): string {
  const joins = further.map(
    ({ record: other }, at) =>
      ` LEFT JOIN ${keptRows(other)} c${at} ON c${at}.dbops_row OPERATOR(pg_catalog.=) ${rowOf(other.key, 'o')}`,
  );
  const values = further.map(({ column }, at) => `, c${at}.${q(column)}`);
  return `(SELECT o.*${values.join('')} FROM ${keptRows(record)} o${joins.join('')})`;
}
