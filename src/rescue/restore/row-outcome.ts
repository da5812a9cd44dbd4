import type { RescueRecord } from '../record.ts';
import type { Shape } from '../table-shape.ts';

/** What became of the rows of a copy. */
export interface Fates {
  restored: number;
  /** They exist unchanged. */
  same: number;
  /** Something else is in their place, and was left alone. */
  conflict: number;
  /** They refer to a row that no longer exists. */
  orphan: number;
  /** Values whose row no longer exists. */
  missing: number;
}

export type Fate = keyof Fates;

export const nothing: Fates = { restored: 0, same: 0, conflict: 0, orphan: 0, missing: 0 };

export interface RestoreOptions {
  /** Only says what would become of the rows. */
  dryRun: boolean;
  /** Values that were written since give way. */
  overwrite: boolean;
  /**
   * SQL that sets the path under which rows are written: checks of the tables may call functions that
   * rely on it. Absent: that of the role.
   */
  toPath?: string;
}

/** What a record is restored into. */
export interface RestoreTarget {
  record: RescueRecord;
  shape: Shape;
  options: RestoreOptions;
  /** Copies of tables that are restored with it, and not before it, by `keyOf` their name. */
  together: ReadonlyMap<string, RescueRecord>;
  /** The type that a narrowed column had, where its values now can be brought to it. */
  narrowType?: string;
  /** Copies of columns that the table has got back, and its own copy has not. */
  further: readonly { record: RescueRecord; column: string }[];
}

/** SQL that counts the fates of `pairs`, one row by fate. */
export const countFates = `SELECT dbops_fate AS fate, pg_catalog.count(*)::pg_catalog.float8 AS rows FROM pairs GROUP BY 1`;
