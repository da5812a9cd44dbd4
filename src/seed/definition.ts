import type { Months } from './months.ts';

/** The id of another row of the fixtures, known once that row has been looked up or planned. */
export class Reference {
  readonly table: string;
  readonly name: string;
  constructor(table: string, name: string) {
    this.table = table;
    this.name = name;
  }
}

/** Points at the row `name` of a table that comes earlier. */
export function ref(table: string, name: string): Reference {
  return new Reference(table, name);
}

/** What becomes JSON and then, by the column's own type, a value of Postgres. */
export type Value =
  | string
  | number
  | boolean
  | null
  | Date
  | Reference
  | readonly Value[]
  | { readonly [key: string]: Value };

export interface SeedRow {
  /** The natural key in words, unique in its table; references and ids are made of it. */
  name: string;
  /** By column; every row of a table gives the same columns. `id` only where it is no UUID. */
  values: Readonly<Record<string, Value>>;
}

/** A column, or a field of a jsonb column. */
export type KeyPart = string | { column: string; field: string };

/**
 * Some rows of one table. Columns that are not `managed` are insert-only: what a tester has used
 * up, renamed or moved in time stays, and `--reset` puts it back in rows that the seed made.
 */
export interface SeedTable {
  table: string;
  /**
   * What a row is found again by, beside its id. Where the unique index is partial, the column of
   * its condition belongs to it, such as `is_current`. Empty: by its id alone.
   */
  key: readonly KeyPart[];
  /** Columns that every run makes equal to the fixture. */
  managed: readonly string[];
  /** Insert-only columns that `--reset` leaves alone too, because other rows add up to them. */
  lasting?: readonly string[];
  /**
   * How the rows are told apart: by an `id` that the seed chooses (the default), by an `id` that
   * the table generates (the key then holds a mark of the seed), or by the key alone.
   */
  identity?: 'chosen' | 'generated' | 'key';
  /** Leaves out rows that refer to adopted ones: they have a history of their own. */
  onlyOurs?: boolean;
  /** A trigger makes these rows: their ids are looked up, nothing is written. */
  lookup?: boolean;
  rows: readonly SeedRow[];
}

/** A set of fixtures. To add one: a file in `sets/` that exports it, and a line in `index.ts`. */
export interface SeedSet {
  name: string;
  summary: string;
  /** Sets that this one refers to; they are seeded before it. */
  needs: readonly string[];
  /** Parents before children. */
  tables(months: Months): SeedTable[];
}
