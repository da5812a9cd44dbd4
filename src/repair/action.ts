import type { RowColumns, RowForm } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { TrackedRow } from './rows.ts';

/** One change of the tracking table. */
export type Action =
  | { kind: 'insert'; name: string; migration: Migration }
  | { kind: 'update'; name: string; row: TrackedRow; set: RowColumns; migration: Migration }
  /** Deletes a row, or marks it as not counting where the tool keeps such rows. */
  | { kind: 'remove'; name: string; row: TrackedRow }
  /** Deletes the row of a migration that another one replaces. */
  | { kind: 'replace'; name: string; row: TrackedRow; by: Migration }
  /** Puts the times of rows into this order. */
  | { kind: 'arrange'; name: string; names: string[] };

/** Returns the columns of a row that differ from those of a migration, with the values of the migration. */
export function changedColumns(
  { columns }: TrackedRow,
  migration: Migration,
  form: RowForm,
): RowColumns {
  const wanted = Object.entries(form.columnsOf(migration));
  return Object.fromEntries(
    wanted.filter(([column, value]) => JSON.stringify(columns[column]) !== JSON.stringify(value)),
  );
}
