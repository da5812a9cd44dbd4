import { isSameText } from '../../db/compare.ts';
import { quoteIdentifier as q, quoteLiteral } from '../../db/quote.ts';
import { isMatch, keptRows, liveRows, ownRows } from '../row-matching.ts';
import type { Shape } from '../table-shape.ts';
import { countFates, type RestoreTarget } from './row-outcome.ts';
import { isOrphan } from './foreign-keys.ts';

/**
 * SQL that puts the values of a column back by the keys of their rows, and counts what became of each.
 * It runs under the path of the role: operators are named with their schemas.
 */
export function restoreValues(place: RestoreTarget, column: string): string {
  const { record, shape, options } = place;
  const valueOf = (name: string) => (name === column ? `k.${q(name)}` : `l.${q(name)}`);
  const concerned = {
    ...place,
    shape: {
      ...shape,
      foreignKeys: shape.foreignKeys.filter(({ columns }) => columns.includes(column)),
    },
  };
  const pairs = `SELECT l.dbops_at, l.dbops_of, k.${q(column)} AS dbops_value, CASE
      WHEN l.dbops_at IS NULL THEN 'missing'
      WHEN ${isSameText(`l.${q(column)}::pg_catalog.text`, `k.${q(column)}::pg_catalog.text`)} THEN 'same'
      WHEN ${isWritten(place, column)} THEN 'conflict'
      WHEN ${isOrphan(concerned, valueOf)} THEN 'orphan'
      ELSE 'restored' END AS dbops_fate
    FROM ${keptRows(record)} k LEFT JOIN ${liveRows(shape, record)} l ON ${isMatch}`;
  if (options.dryRun) return `WITH pairs AS MATERIALIZED (${pairs}) ${countFates}`;
  const type = shape.columns.find(({ name }) => name === column)?.bareType ?? 'text';
  return `WITH pairs AS MATERIALIZED (${pairs}), written AS (
      UPDATE ${ownRows(shape)} t SET ${q(column)} = p.dbops_value::${type} FROM pairs p
       WHERE p.dbops_fate OPERATOR(pg_catalog.=) 'restored'
         AND t.ctid OPERATOR(pg_catalog.=) p.dbops_at AND t.tableoid OPERATOR(pg_catalog.=) p.dbops_of)
    ${countFates}`;
}

/**
 * Returns an SQL condition that is true if the value was written since: saved values only replace
 * values that the scripts left. It is never NULL.
 */
function isWritten(
  { record: { isReturned }, shape, options, narrowType }: RestoreTarget,
  column: string,
): string {
  if (options.overwrite) return 'false';
  const live = `l.${q(column)}::pg_catalog.text`;
  if (isReturned) return `(k.dbops_changed OR NOT ${isSameText(live, 'k.dbops_returned')})`;
  const untouched = [
    `${live} IS NULL`,
    isSameText(live, 'k.dbops_left'),
    ...initialValues(shape, column).map((value) => isSameText(live, value)),
    ...(narrowType
      ? [isSameText(`l.${q(column)}::${narrowType}::pg_catalog.text`, 'k.dbops_left')]
      : []),
  ];
  return `(k.dbops_changed OR (${untouched.join(' OR ')}) IS NOT TRUE)`;
}

/** SQL of what ADD COLUMN gave to the rows that existed then. */
function initialValues({ columns }: Shape, column: string): string[] {
  const found = columns.find(({ name }) => name === column);
  if (!found) return [];
  const { initial, constant, type } = found;
  return [
    ...initial.map((value) => `${quoteLiteral(value)}::pg_catalog.text`),
    ...(constant === null ? [] : [`(${constant})::${type}::pg_catalog.text`]),
  ];
}
