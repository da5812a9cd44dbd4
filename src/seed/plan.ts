import type { SeedRow, SeedTable } from './definition.ts';

/** A row of the database that is a row of the fixture. */
export interface Match {
  /** `null` in a table without ids. */
  id: string | null;
  /** Made by a seed, not adopted. */
  ours: boolean;
  /** Columns whose value is not the fixture's. */
  differing: readonly string[];
}

export interface Change {
  row: SeedRow;
  id: string | null;
  /** The columns to set: those that differ and may be written. */
  columns: string[];
}

/** What a seed does to one table of one set. */
export interface TablePlan {
  fixture: SeedTable;
  insert: SeedRow[];
  update: Change[];
  unchanged: number;
}

/** Compares rows of a fixture with what was found of each; `undefined` is not there. */
export function planTable(
  fixture: SeedTable,
  found: readonly (readonly [SeedRow, Match | undefined])[],
  reset: boolean,
): TablePlan {
  const plan: TablePlan = { fixture, insert: [], update: [], unchanged: 0 };
  for (const [row, match] of found) {
    if (!match) {
      plan.insert.push(row);
      continue;
    }
    const columns = match.differing.filter((column) =>
      mayWrite(fixture, column, reset && match.ours),
    );
    if (columns.length > 0) plan.update.push({ row, id: match.id, columns });
    else plan.unchanged += 1;
  }
  return plan;
}

function mayWrite({ managed, lasting = [] }: SeedTable, column: string, reset: boolean): boolean {
  return managed.includes(column) || (reset && !lasting.includes(column));
}

/** Numbers of rows by table, for the report; a table that several sets fill is one. */
export interface SeedCounts {
  created: Record<string, number>;
  updated: Record<string, number>;
  unchanged: Record<string, number>;
}

/** Adds the plans up. `unchanged` names every table, the others only those that have some. */
export function countPlans(plans: readonly TablePlan[]): SeedCounts {
  const counts: SeedCounts = { created: {}, updated: {}, unchanged: {} };
  const add = (sums: Record<string, number>, table: string, rows: number) => {
    sums[table] = (sums[table] ?? 0) + rows;
  };
  for (const { fixture, insert, update, unchanged } of plans) {
    if (fixture.lookup) continue;
    if (insert.length > 0) add(counts.created, fixture.table, insert.length);
    if (update.length > 0) add(counts.updated, fixture.table, update.length);
    add(counts.unchanged, fixture.table, unchanged);
  }
  return counts;
}
