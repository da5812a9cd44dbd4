import type { SeedRow, SeedTable } from './definition.ts';

/** A row of the database that matches a fixture row. */
export interface Match {
  /** `null` in a table without ids. */
  id: string | null;
  /** Created by a seed; `false` for an existing row that is reused. */
  isSeeded: boolean;
  /** Columns whose value differs from the fixture's. */
  differing: readonly string[];
}

export interface RowUpdate {
  row: SeedRow;
  id: string | null;
  /** The columns to set: those that differ and may be written. */
  columns: string[];
}

/** The inserts and updates of one fixture table. */
export interface TablePlan {
  fixture: SeedTable;
  insert: SeedRow[];
  update: RowUpdate[];
  unchanged: number;
}

/** Plans a table from its fixture rows and what matches each; `undefined` is inserted. */
export function planTable(
  fixture: SeedTable,
  found: readonly (readonly [SeedRow, Match | undefined])[],
  reset: boolean,
): TablePlan {
  const plan: TablePlan = { fixture, insert: [], update: [], unchanged: 0 };
  for (const [row, match] of found) {
    const columns = match ? columnsToWrite(fixture, match, reset) : [];
    if (!match) plan.insert.push(row);
    else if (columns.length > 0) plan.update.push({ row, id: match.id, columns });
    else plan.unchanged += 1;
  }
  return plan;
}

function columnsToWrite(fixture: SeedTable, match: Match, reset: boolean): string[] {
  const { managed, keptOnReset = [] } = fixture;
  const isReset = (column: string) => reset && match.isSeeded && !keptOnReset.includes(column);
  return match.differing.filter((column) => managed.includes(column) || isReset(column));
}

/** Row counts by table. A table that several sets fill is counted once. */
export interface SeedCounts {
  created: Record<string, number>;
  updated: Record<string, number>;
  unchanged: Record<string, number>;
}

/**
 * Returns the sums of the plans. `unchanged` lists every table, the others only tables with a count
 * above 0.
 */
export function countPlans(plans: readonly TablePlan[]): SeedCounts {
  const counts: SeedCounts = { created: {}, updated: {}, unchanged: {} };
  const add = (sums: Record<string, number>, table: string, rows: number) => {
    sums[table] = (sums[table] ?? 0) + rows;
  };
  for (const { fixture, insert, update, unchanged } of plans) {
    if (fixture.createdByTrigger) continue;
    if (insert.length > 0) add(counts.created, fixture.table, insert.length);
    if (update.length > 0) add(counts.updated, fixture.table, update.length);
    add(counts.unchanged, fixture.table, unchanged);
  }
  return counts;
}

/** Returns whether rows were, or would be, written. */
export function hasChanges({ created, updated }: SeedCounts): boolean {
  return Object.keys(created).length + Object.keys(updated).length > 0;
}
