import type { Action } from '@supabase/pg-delta/plan';

/** A statement of a derived script. */
export interface DdlStatement {
  sql: string;
  /** The table lock that it takes (server manual, "Explicit Locking"); absent: none worth a word. */
  lock?: string;
  /** It writes the whole table anew, or reads all of it, under its lock. */
  rewrites: boolean;
  /**
   * `structure` makes room for rows; `rules` hold for rows that are back in it, so that what a
   * statement before took away can be put back in between.
   */
  phase: 'structure' | 'rules';
  /** What the values of this column were can not be told from what they are. */
  underivable?: QualifiedColumn;
}

export interface QualifiedColumn {
  schema: string;
  table: string;
  column: string;
}

/** A statement as it was planned, before it is made to suit rows. */
export interface Draft {
  sql: string;
  lock: Action['lockClass'];
  rewrites: boolean;
  /** What it is about, and what else it names. */
  places: { subjects: string[]; others: string[] };
}

/** What of a column decides how its values are kept. */
export interface ColumnState {
  type: string;
  notNull: boolean;
}

/** Columns by schema, table and name, each quoted: `"public"."users"."id"`. */
export type Columns = ReadonlyMap<string, ColumnState>;
