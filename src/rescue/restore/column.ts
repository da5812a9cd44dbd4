import { quoteIdentifier as q } from '../../db/quote.ts';
import { isMatch, keptRows, liveRows, ownRows } from '../match.ts';
import type { RescueRecord } from '../record.ts';
import { countFates, type Place } from './fate.ts';
import { isOrphan } from './foreign-keys.ts';

/** SQL that puts the values of a column back by the keys of their rows, and counts what became of each. */
export function restoreValues(place: Place, column: string): string {
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
      WHEN l.${q(column)}::text IS NOT DISTINCT FROM k.${q(column)}::text THEN 'same'
      WHEN NOT (${options.overwrite ? 'true' : isUntouched(record, column)}) THEN 'conflict'
      WHEN ${isOrphan(concerned, valueOf)} THEN 'orphan'
      ELSE 'restored' END AS dbops_fate
    FROM ${keptRows(record)} k LEFT JOIN ${liveRows(shape, record)} l ON ${isMatch}`;
  if (options.dryRun) return `WITH pairs AS MATERIALIZED (${pairs}) ${countFates}`;
  const type = shape.columns.find(({ name }) => name === column)?.bareType ?? 'text';
  return `WITH pairs AS MATERIALIZED (${pairs}), written AS (
      UPDATE ${ownRows(shape)} t SET ${q(column)} = p.dbops_value::${type} FROM pairs p
       WHERE p.dbops_fate = 'restored' AND t.ctid = p.dbops_at AND t.tableoid = p.dbops_of)
    ${countFates}`;
}

/**
 * SQL that is true when nobody has given the row a value since: there is none, it is what the
 * script left, or the row was not written after the step that brought the column back (ids of
 * transactions start again after 2^32: compared is how far they are apart).
 */
function isUntouched({ returned }: RescueRecord, column: string): string {
  const live = `l.${q(column)}`;
  const ways = [`${live} IS NULL`, `${live}::text IS NOT DISTINCT FROM k.dbops_left`];
  if (returned?.transaction !== undefined) {
    const others = returned.others.map((id) => ` AND l.dbops_xid <> ${id}`).join('');
    ways.push(
      `((${returned.transaction} - l.dbops_xid) & 4294967295) < 2147483648${others}`,
      'l.dbops_xid = (pg_current_xact_id_if_assigned()::text::bigint & 4294967295)',
    );
  }
  return `NOT k.dbops_changed AND (${ways.join(' OR ')})`;
}
