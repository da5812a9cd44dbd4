import * as z from 'zod';
import type { Migration } from '../../migration.ts';
import type { RowColumns, TrackingRow } from '../format.ts';

/** Returns the rows of a tracking table. @throws ZodError when a column has another type */
export function parseRows<T>(row: z.ZodType<T>, rows: readonly TrackingRow[]): T[] {
  return z.array(row).parse(rows);
}

/** Returns the text of a column; null when it is missing or NULL. */
export function textIn(row: RowColumns, column: string): string | null {
  const value = row[column];
  return value === undefined || value === null ? null : String(value);
}

/** Returns the values of a column. */
export function namesIn(rows: readonly RowColumns[], column: string): Set<string> {
  return new Set(rows.flatMap((row) => textIn(row, column) ?? []));
}

/** Returns the names that are not recorded, in the order of the folder. */
export function pendingAmong(
  migrations: readonly Migration[],
  recorded: ReadonlySet<string>,
): string[] {
  return migrations.map(({ name }) => name).filter((name) => !recorded.has(name));
}
