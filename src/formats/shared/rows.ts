import type { Migration } from '../../migration.ts';
import { nounOf, nounOfValue } from '../../output/issues.ts';
import type { RowColumns, TrackingRow } from '../format.ts';

interface ColumnValues {
  string: string;
  number: number;
  boolean: boolean;
}
type ColumnType = keyof ColumnValues;

/** The types of the columns that a row is read from. */
export type ColumnTypes = Readonly<Record<string, ColumnType | `${ColumnType} or null`>>;

/** A row with columns of these types. */
export type RowOf<Columns extends ColumnTypes> = {
  [Name in keyof Columns]: Columns[Name] extends `${infer Type extends ColumnType} or null`
    ? ColumnValues[Type] | null
    : Columns[Name] extends ColumnType
      ? ColumnValues[Columns[Name]]
      : never;
};

/** A row of a tracking table that lacks a column, or has one of another type. */
export class ColumnError extends Error {}

/**
 * Returns the rows of a tracking table. No schema of zod: its first use takes longer than reading a
 * thousand rows, and every command that reads the table would pay for it.
 *
 * @throws ColumnError when a column has another type
 */
export function parseRows<Columns extends ColumnTypes>(
  columns: Columns,
  rows: readonly TrackingRow[],
): RowOf<Columns>[] {
  for (const [name, type] of Object.entries(columns)) {
    const [plain = ''] = type.split(' ');
    const isNullable = type !== plain;
    const index = rows.findIndex((row) => !holds(row[name], plain, isNullable));
    if (index >= 0) throw wrongColumn(`${index}.${name}`, type, rows[index]?.[name]);
  }
  return rows as RowOf<Columns>[];
}

function holds(value: unknown, type: string, isNullable: boolean): boolean {
  if (value === null) return isNullable;
  return typeof value === type && (type !== 'number' || Number.isFinite(value));
}

function wrongColumn(place: string, type: ColumnTypes[string], value: unknown): ColumnError {
  const [expected = ''] = type.split(' ');
  const found = value === undefined ? 'nothing' : nounOfValue(value);
  return new ColumnError(`${place}: expected ${nounOf(expected)}, found ${found}`);
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
