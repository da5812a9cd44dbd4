import type { Action } from '@supabase/pg-delta/plan';

/** A statement of a derived script. */
export interface DdlStatement {
  sql: string;
  /**
   * The table lock that it takes (server manual, "Explicit Locking"); absent: none that blocks
   * others.
   */
  lock?: string;
  /** Whether it rewrites or scans the whole table under its lock. */
  rewrites: boolean;
  /** `structure` precedes the restoring of rows; `rules` are constraints that follow it. */
  phase: 'structure' | 'rules';
  /** The column whose old values cannot be derived from the current ones. */
  underivable?: QualifiedColumn;
}

export interface QualifiedColumn {
  schema: string;
  table: string;
  column: string;
}

/** A statement as planned, before it is adapted to tables with rows. */
export interface Draft {
  sql: string;
  lock: Action['lockClass'];
  rewrites: boolean;
  /** The object that it changes, and other objects that it names. */
  places: { subjects: string[]; others: string[] };
}

/** The properties of a column that determine how its values are converted. */
export interface ColumnState {
  type: string;
  notNull: boolean;
  hasDefault: boolean;
}

/** Columns by schema, table and name, each quoted: `"public"."users"."id"`. */
export type Columns = ReadonlyMap<string, ColumnState>;
