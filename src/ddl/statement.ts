/** A statement of a derived rollback. */
export interface DdlStatement {
  sql: string;
  /** The table lock that it takes (server manual, "Explicit Locking"); absent: none of note. */
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
