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
