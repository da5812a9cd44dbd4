import type { RescueRecord } from '../record.ts';
import type { Shape } from '../table-shape.ts';

/** The outcome for the rows of a copy. */
export interface Fates {
  restored: number;
  /** Rows that exist unchanged. */
  same: number;
  /** Rows whose key has other values, which were not changed. */
  conflict: number;
  /** Rows that refer to a row that no longer exists. */
  orphan: number;
  /** Values whose row no longer exists. */
  missing: number;
}

export type Fate = keyof Fates;

export const nothing: Fates = { restored: 0, same: 0, conflict: 0, orphan: 0, missing: 0 };

export interface RestoreOptions {
  /** Only reports the outcomes. */
  dryRun: boolean;
  /** Overwrites values that were written since. */
  overwrite: boolean;
  /**
   * SQL that sets the search_path for writing rows, on which checks of the tables may rely. Absent:
   * that of the role.
   */
  toPath?: string;
}

/** The table or column that a record is restored to. */
export interface RestoreTarget {
  record: RescueRecord;
  shape: Shape;
  options: RestoreOptions;
  /** Copies of tables that are restored together with it, by `keyOf` their name. */
  together: ReadonlyMap<string, RescueRecord>;
  /** The former type of a narrowed column, where current values can be converted to it. */
  narrowType?: string;
  /** Copies of columns that exist again and that the table's own copy lacks. */
  further: readonly { record: RescueRecord; column: string }[];
}

/** Returns SQL that counts the outcomes of `pairs`, one row per outcome. */
export const countFates = `SELECT dbops_fate AS fate, pg_catalog.count(*)::pg_catalog.float8 AS rows FROM pairs GROUP BY 1`;
