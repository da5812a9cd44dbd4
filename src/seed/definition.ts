import type { Session } from '../db/session.ts';
import type { Months } from './months.ts';

/** The id of another fixture row, known once that row has been found or planned. */
export class Reference {
  readonly table: string;
  readonly name: string;
  constructor(table: string, name: string) {
    this.table = table;
    this.name = name;
  }
}

/** Refers to the row `name` of an earlier table. */
export function ref(table: string, name: string): Reference {
  return new Reference(table, name);
}

/** A value that is sent as JSON and read by the input function of its column's type. */
export type SeedValue =
  | string
  | number
  | boolean
  | null
  | Date
  | Reference
  | readonly SeedValue[]
  | { readonly [key: string]: SeedValue };

export interface SeedRow {
  /** The natural key in words, unique in its table. References and ids are derived from it. */
  name: string;
  /** By column; all rows of a table set the same columns. `id` only where it is not a UUID. */
  values: Readonly<Record<string, SeedValue>>;
}

/** A column, or a field of a jsonb column. */
export type KeyPart = string | { column: string; field: string };

/**
 * Rows of one table. Columns that are not `managed` are written only on insert, so values that
 * testers changed remain; `--reset` restores them in rows that a seed created.
 */
export interface SeedTable {
  table: string;
  /**
   * Columns that identify a row, besides its id. If the unique index is partial, include the column
   * of its condition, such as `is_current`. Empty: the row is identified by its id alone.
   */
  key: readonly KeyPart[];
  /** Columns that every run sets to the fixture's value. */
  managed: readonly string[];
  /** Columns that even `--reset` does not change, because other rows add up to them. */
  keptOnReset?: readonly string[];
  /**
   * How rows are identified: by an `id` that the seed chooses (default), by an `id` that the table
   * generates (the key then contains a mark of the seed), or by the key alone.
   */
  identity?: 'chosen' | 'generated' | 'key';
  /** Skips rows that refer to a reused row, because that row has a history of its own. */
  skipForReusedRows?: boolean;
  /** A trigger creates these rows: their ids are looked up and nothing is written. */
  createdByTrigger?: boolean;
  rows: readonly SeedRow[];
}

/** A named set of fixture tables. */
export interface SeedSet {
  name: string;
  summary: string;
  /** Sets that this one refers to; they are seeded first. */
  needs: readonly string[];
  /** Returns the tables, parents before children. */
  tables(months: Months): SeedTable[];
}

/** The test data of an application. */
export interface SeedDeclaration {
  /** Every set, after the sets that it needs. */
  sets: readonly SeedSet[];
  /** Rejects an unlabelled database that contains live data. @throws usage error */
  assertSafe?(session: Session): Promise<void>;
}
