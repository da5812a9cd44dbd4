/** One column of one table that is filled from another table. */
export interface BackfillTarget {
  table: string;
  /** Primary key, by which the batches walk. */
  key: string;
  column: string;
  source: { table: string; key: string; value: string };
  /** The column of `table` that points at `source.key`. */
  reference: string;
}

/** A backfill. To add one: a file here that exports it, and a line in `index.ts`. */
export interface Backfill {
  name: string;
  summary: string;
  targets: BackfillTarget[];
}
