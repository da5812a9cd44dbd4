import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import type { RowForm, Tracking, TrackingRow } from '../formats/format.ts';
import type { Action } from './action.ts';
import type { TrackedRow } from './rows.ts';

/**
 * A plan as SQL, a statement each, in the form in which the tool itself writes its rows.
 *
 * @param rows of the table: where they share a key, one of them is named by its place
 * @param prepared the row of `Tracking.prepare`
 */
export function sqlOf(
  { actions }: { actions: readonly Action[] },
  tracking: Tracking,
  rows: readonly TrackedRow[],
  prepared: TrackingRow,
): string[] {
  const { rows: form } = tracking;
  let inserted = 0;
  return actions.map((action) => {
    if (action.kind === 'insert') {
      const index = inserted++;
      const { migration } = action;
      return tracking.mark?.(migration, prepared, index) ?? tracking.record(migration, prepared);
    }
    if (action.kind === 'arrange') return form.order?.arrange(action.names) ?? '';
    const where = predicateOf(action.row, rows, form);
    if (action.kind === 'update') {
      const set = Object.entries(action.set).map(
        ([name, value]) => `${word(name)} = ${literal(value)}`,
      );
      return `UPDATE ${form.table} SET ${set.join(', ')} WHERE ${where}`;
    }
    return form.close && action.kind === 'remove'
      ? `UPDATE ${form.table} SET ${form.close.sql} WHERE ${where}`
      : `DELETE FROM ${form.table} WHERE ${where}`;
  });
}

function predicateOf(row: TrackedRow, rows: readonly TrackedRow[], { key }: RowForm): string {
  const isIt = (other: TrackedRow) =>
    key.every((name) => String(other.columns[name]) === String(row.columns[name]));
  const hasKey = key.every((name) => row.columns[name] !== null && row.columns[name] !== undefined);
  if (!hasKey || rows.filter(isIt).length !== 1) return `ctid = ${quoteLiteral(row.place)}`;
  return key.map((name) => `${word(name)} = ${literal(row.columns[name])}`).join(' AND ');
}

function word(name: string): string {
  return /^[a-z_]+$/.test(name) && name !== 'timestamp' ? name : quoteIdentifier(name);
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value))
    return `ARRAY[${value.map((each) => quoteLiteral(String(each))).join(', ')}]::text[]`;
  return quoteLiteral(String(value));
}
