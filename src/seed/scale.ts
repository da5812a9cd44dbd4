import { usageError } from '../errors.ts';
import { assertColumn, targetOf } from './bind.ts';
import type { SeedColumn, SeedTable } from './catalog.ts';
import { valueOf, type SeedValue } from './cells.ts';
import type { ScaleSet } from './definition.ts';

/** A set of generated rows whose table and columns exist. */
export interface BoundScale {
  name: string;
  label: string;
  table: SeedTable;
  /** How many rows the set has when it is loaded. */
  rows: number;
  columns: readonly { column: SeedColumn; value: SeedValue; place: string; target?: string }[];
}

/** The table of each set that a reference may name. */
export type TablesBySet = ReadonlyMap<string, SeedTable>;

/** @throws usage error for a column that does not exist or is generated, and for a reference to nothing */
export function bindScale(
  name: string,
  set: ScaleSet,
  { table, tables, rows = set.scale }: { table: SeedTable; tables: TablesBySet; rows?: number },
): BoundScale {
  const columns = Object.entries(set.columns).map(([column, cell]) => {
    const place = `seeds.${name}.columns.${column}`;
    const value = valueOf(cell);
    const bound = {
      column: assertColumn({ name, label: set.table, overriding: false }, table, column),
      value,
      place,
    };
    if (value.kind !== 'ref') return bound;
    const other = tables.get(value.set);
    if (other) return { ...bound, target: targetOf(column, table, other, place) };
    throw usageError(
      'SEED.REF',
      `${place} refers to nothing: no set with a table is named ${value.set}.`,
      'Declare that set, or correct the reference.',
    );
  });
  return { name, label: set.table, table, rows, columns };
}

/** Returns the columns of rows that the sets refer to, by set. */
export function wantedByScale(sets: readonly BoundScale[]): [set: string, column: string][] {
  return sets.flatMap(({ columns }) =>
    columns.flatMap(({ value, target }) =>
      value.kind === 'ref' && target !== undefined
        ? [[value.set, target] satisfies [string, string]]
        : [],
    ),
  );
}
