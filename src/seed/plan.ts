import * as z from 'zod';
import { codeOf } from '../db/connection-error.ts';
import { hidesRows } from '../db/row-security.ts';
import { toOwnPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { isSqlState } from '../db/sqlstate.ts';
import type { BoundSet } from './bind.ts';
import { evaluateSql, type Evaluated } from './evaluate.ts';
import { failed } from './failed.ts';
import type { SeedRow } from './resolve.ts';
import { planSql, sentJson, type FoundRow, type SentRow } from './rows-sql.ts';

/** What is to be done with a declared row. */
export interface PlannedRow {
  row: SeedRow;
  /** 1-based. */
  n: number;
  /** `expected`: a trigger creates it. `skipped`: what it refers to existed before. */
  action: 'insert' | 'update' | 'unchanged' | 'expected' | 'skipped';
  /** The columns to set. */
  columns: readonly string[];
  /** By target column of a reference, its value as text; empty for a row that does not exist. */
  refs: Readonly<Record<string, string | null>>;
}

export interface SetPlan {
  set: BoundSet;
  rows: readonly PlannedRow[];
}

const foundRows = z.array(
  z.object({
    set: z.number(),
    n: z.number(),
    found: z.boolean(),
    differing: z.array(z.string()),
    refs: z.record(z.string(), z.string().nullable()),
  }),
);

export interface PlanRequest {
  /** Also set the columns that are written once. */
  reset: boolean;
  /** By set, the columns that references of other sets get. */
  wanted: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Finds and compares the rows of all sets with one statement, parents first. */
export async function planRows(
  session: Session,
  sets: readonly BoundSet[],
  request: PlanRequest,
): Promise<SetPlan[]> {
  if (sets.length === 0) return [];
  const compared = (set: BoundSet) => (request.reset ? set.resettable : set.managed);
  const evaluated = await evaluateSql(
    session,
    sets.flatMap((set) => valuesToCompare(set, compared(set))),
  );
  const numbers = new Map(sets.map(({ set }, at) => [set.name, at]));
  const sent = sets.map((set) => ({
    set,
    rows: set.set.rows.map((row) => sentRow(row, numbers, evaluated)),
  }));
  const find = async (some: typeof sent) => {
    const sql = planSql(
      some.map(({ set }) => set),
      compared,
      request.wanted,
    );
    const rows = await session.query(sql, [sentJson(some)]);
    // A function compiled for the form pays only for many rows.
    return foundRows.parse(rows, { jitless: rows.length < 1_000 });
  };
  const found = await find(sent).catch(async (error: unknown) => {
    throw await errorOfSet(session, error, sent, (one) => find([one]));
  });
  return plansOf(sets, found);
}

/** Returns the error with the name of the set: in a transaction of its own, each set is tried alone. */
async function errorOfSet<One extends { set: BoundSet }>(
  session: Session,
  error: unknown,
  sent: readonly One[],
  find: (one: One) => Promise<unknown>,
): Promise<unknown> {
  if (!isSqlState(codeOf(error)) || hidesRows(error)) return error;
  for (const one of sent) {
    try {
      await session.script(`ROLLBACK; BEGIN READ ONLY; ${toOwnPath(session)}`);
      await find(one);
    } catch (cause) {
      return failed(one.set, cause);
    }
  }
  return error;
}

/** SQL of columns that are not compared is not evaluated: nextval() would have an effect. */
function valuesToCompare(set: BoundSet, compared: readonly string[]) {
  const columns = new Set([...set.set.key, ...compared]);
  return set.set.rows.flatMap(({ place, values }) =>
    [...values].flatMap(([column, value]) =>
      value.kind === 'sql' && columns.has(column)
        ? [{ place: `${place}.${column}`, sql: value.sql, ...typeOf(set, column) }]
        : [],
    ),
  );
}

/** Returns what the evaluation of SQL needs to know of its column. */
export function typeOf(set: BoundSet, column: string): { isJson: boolean } {
  return { isJson: set.columns.find(({ name }) => name === column)?.isJson ?? false };
}

function sentRow(
  { place, values }: SeedRow,
  numbers: ReadonlyMap<string, number>,
  evaluated: Evaluated,
): SentRow {
  const v = new Map<string, string>();
  const r = new Map<string, readonly [number, number]>();
  for (const [column, value] of values) {
    if (value.kind === 'row') r.set(column, [numbers.get(value.set) ?? -1, value.n]);
    else if (value.kind === 'json') v.set(column, value.json);
    else {
      const json = evaluated.get(`${place}.${column}`);
      if (json !== undefined) v.set(column, json);
    }
  }
  return { v, r };
}

/** Returns by set the columns that references of other sets get. */
export function wantedBy(sets: readonly BoundSet[]): Map<string, Set<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const { targets } of sets) {
    for (const bySet of targets.values()) {
      for (const [set, target] of bySet)
        wanted.set(set, new Set([...(wanted.get(set) ?? []), target]));
    }
  }
  return wanted;
}

function plansOf(sets: readonly BoundSet[], found: readonly FoundRow[]): SetPlan[] {
  const bySet = Map.groupBy(found, ({ set }) => set);
  /** The rows that this run inserts, as `set:n`. */
  const inserted = new Set<string>();
  return sets.map((set, at) => {
    const byNumber = new Map((bySet.get(at) ?? []).map((row) => [row.n, row]));
    const rows = set.set.rows.map((row, index) => {
      const match = byNumber.get(index + 1);
      const action = actionFor(set, row, match, inserted);
      if (action === 'insert' || action === 'expected')
        inserted.add(`${set.set.name}:${index + 1}`);
      const columns = match?.found === true ? match.differing : [];
      return { row, n: index + 1, action, columns, refs: match?.found ? match.refs : {} };
    });
    return { set, rows };
  });
}

function actionFor(
  { set }: BoundSet,
  row: SeedRow,
  match: FoundRow | undefined,
  inserted: ReadonlySet<string>,
): PlannedRow['action'] {
  if (match?.found) return match.differing.length > 0 ? 'update' : 'unchanged';
  if (set.createdByTrigger) return 'expected';
  const parents = [...row.values.values()].flatMap((value) =>
    value.kind === 'row' ? [`${value.set}:${value.n}`] : [],
  );
  return !set.withParents || parents.every((parent) => inserted.has(parent)) ? 'insert' : 'skipped';
}

/** Numbers of rows by table. A table that several sets fill is counted once. */
export interface SeedCounts {
  created: Record<string, number>;
  updated: Record<string, number>;
  unchanged: Record<string, number>;
}

/** Adds rows of a table to counts; 0 rows are listed only as `unchanged`. */
export function addTo(counts: Record<string, number>, table: string, rows: number): void {
  if (rows > 0) counts[table] = (counts[table] ?? 0) + rows;
}

/** Adds the sums of the plans. `unchanged` lists every table, the others only those with a count above 0. */
export function countPlans(plans: readonly SetPlan[], counts: SeedCounts): void {
  for (const { set, rows } of plans) {
    const of = (action: PlannedRow['action']) =>
      rows.filter((each) => each.action === action).length;
    const { label } = set.set;
    addTo(counts.created, label, of('insert'));
    addTo(counts.updated, label, of('update'));
    // A plan cannot know what a trigger will create.
    const unchanged = set.set.createdByTrigger ? 0 : of('unchanged');
    counts.unchanged[label] = (counts.unchanged[label] ?? 0) + unchanged;
  }
}

/** Returns whether rows of the set are, or would be, written. */
export function writes({ rows }: SetPlan): boolean {
  return rows.some(({ action }) => action === 'insert' || action === 'update');
}
