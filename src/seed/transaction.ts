import type { Session } from '../db/session.ts';
import { interrupted } from '../errors.ts';
import { applySet, proveRows, type KnownRows } from './apply.ts';
import { assertTable, bindSets, calledFunctions, type BoundSet } from './bind.ts';
import { readCatalog, type SeedCatalog, type SeedTable } from './catalog.ts';
import type { PreparedSet } from './choose.ts';
import { assertUnused, LooksUsed } from './guard.ts';
import {
  addTo,
  countPlans,
  planRows,
  wantedBy,
  writes,
  type SeedCounts,
  type SetPlan,
} from './plan.ts';
import { readRecord, writeRecord } from './record.ts';
import { tableOf } from './resolve.ts';
import { bindScale, wantedByScale, type BoundScale, type TablesBySet } from './scale.ts';
import type { TableEffect } from './table-effect.ts';

export interface SeedRun {
  now: Date;
  /** Also set the columns that are written once. */
  reset: boolean;
  /** `false`: roll everything back. */
  write: boolean;
  /** Accept files and modules that are not idempotent. */
  allowRepeat: boolean;
  /** Rows of each set of generated rows. */
  scale?: number;
  /** Refuse a database that holds rows of others. */
  isGuarded: boolean;
  /** Milliseconds that a statement waits for a lock. */
  lockTimeout: number;
  /** Milliseconds; 0 is no limit. */
  statementTimeout: number;
  signal: AbortSignal;
}

/** What became of a set. */
export interface SetResult {
  name: string;
  /** `pending`: with `write` false, it would change. */
  state: 'changed' | 'unchanged' | 'pending' | 'skipped';
  /** What a second run of a file or module would write, with `allowRepeat`. */
  repeats?: readonly TableEffect[];
}

export interface SeedOutcome {
  counts: SeedCounts;
  sets: SetResult[];
  /** What the loads of generated rows need. */
  scales: BoundScale[];
  known: KnownRows;
  tables: TablesBySet;
  /** Rows that were loaded, by set. */
  loaded: ReadonlyMap<string, number>;
}

/** The advisory lock of all seeds of a database. */
const seedKey = 0x64626f70732d73n; // "dbops-s"

/** SQL that opens a transaction of seeds. */
export function openingOf({
  isReadOnly,
  lockTimeout,
  statementTimeout,
}: Pick<SeedRun, 'lockTimeout' | 'statementTimeout'> & { isReadOnly: boolean }): string[] {
  return [
    // A snapshot taken before the lock was acquired would not show the rows of the seed that held it.
    isReadOnly
      ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'
      : 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL row_security = off; SET LOCAL jit = off",
    `SET LOCAL lock_timeout = ${lockTimeout}; SET LOCAL statement_timeout = ${statementTimeout}`,
    ...(isReadOnly ? [] : [`SELECT pg_catalog.pg_advisory_xact_lock(${seedKey})`]),
  ];
}

/**
 * Seeds the sets of rows, the files and the modules in one transaction.
 *
 * @throws usage error before anything is written, 1 when a statement failed, 130 when interrupted
 */
export async function seedOnce(
  session: Session,
  sets: readonly PreparedSet[],
  options: SeedRun,
): Promise<SeedOutcome> {
  const isReadOnly = !options.write && !sets.some(({ kind }) => kind === 'code');
  try {
    const opening = openingOf({ ...options, isReadOnly });
    const outcome = await seedWithin(session, sets, options, opening);
    await session.script(options.write ? 'COMMIT' : 'ROLLBACK');
    return outcome;
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function seedWithin(
  session: Session,
  sets: readonly PreparedSet[],
  options: SeedRun,
  opening: readonly string[],
): Promise<SeedOutcome> {
  const withTables = sets.flatMap((each) => (each.kind === 'code' ? [] : [each]));
  const rowsSets = sets.flatMap((each) => (each.kind === 'rows' ? [each.set] : []));
  const names = withTables.map((each) =>
    each.kind === 'rows' ? each.set.table : tableOf(each.set.table, `seeds.${each.name}`),
  );
  const catalog = await readCatalog(session, names, calledFunctions(rowsSets), opening);
  const found = new Map(withTables.map(({ name }, at) => [name, catalog.tables[at] ?? null]));
  const bound = bindSets(rowsSets, {
    ...catalog,
    tables: rowsSets.map(({ name }) => found.get(name) ?? null),
  });
  const scales = bindScales(sets, found, options);
  const wanted = wantedBy(bound);
  for (const [set, column] of wantedByScale(scales))
    wanted.set(set, new Set([...(wanted.get(set) ?? []), column]));
  const request = { reset: options.reset, wanted };
  const plans = await planRows(session, bound, request);
  const work = { session, sets, plans, request, options, scales, catalog };
  const result = await applyAll(work);
  return { ...result, scales, tables: tablesOf(found) };
}

function tablesOf(found: ReadonlyMap<string, SeedTable | null>): TablesBySet {
  return new Map([...found].flatMap(([name, table]) => (table ? [[name, table] as const] : [])));
}

function bindScales(
  sets: readonly PreparedSet[],
  found: ReadonlyMap<string, SeedTable | null>,
  { scale }: SeedRun,
): BoundScale[] {
  const tables = tablesOf(found);
  return sets.flatMap((each) => {
    if (each.kind !== 'scale') return [];
    const table = assertTable({ name: each.name, label: each.set.table }, found.get(each.name));
    const request = { table, tables, ...(scale !== undefined && { rows: scale }) };
    return [bindScale(each.name, each.set, request)];
  });
}

interface Work {
  session: Session;
  sets: readonly PreparedSet[];
  plans: readonly SetPlan[];
  request: { reset: boolean; wanted: ReadonlyMap<string, ReadonlySet<string>> };
  options: SeedRun;
  scales: readonly BoundScale[];
  catalog: SeedCatalog;
}

type Applied = Omit<SeedOutcome, 'scales' | 'tables'>;

async function applyAll(work: Work): Promise<Applied> {
  const { session, sets, plans, options, scales, catalog } = work;
  const hasCode = sets.some(({ kind }) => kind === 'code');
  const needsRecord = scales.length > 0 || hasCode || plans.some(writes);
  const loaded = needsRecord ? await readRecord(session, catalog.hasRecord) : new Map();
  const isNew = options.isGuarded && options.write && loaded.size === 0 && needsRecord;
  if (isNew) await assertUnused(session, plans, scales);
  const applied: Applied = {
    counts: { created: {}, updated: {}, unchanged: {} },
    sets: [],
    known: new Map(),
    loaded,
  };
  const byName = new Map(plans.map((plan) => [plan.set.set.name, plan]));
  const isPlanOnly = !options.write && !hasCode;
  const done: SetPlan[] = [];
  for (const each of sets) {
    if (options.signal.aborted)
      throw interrupted('Interrupted; nothing was changed.', 'Run again: dbops seed');
    if (each.kind === 'code') await applyCode(work, each, applied, isNew);
    const plan = byName.get(each.name);
    if (!plan) continue;
    const final = isPlanOnly ? plan : await applySet(session, plan, applied.known, work.request);
    done.push(final);
    applied.sets.push(resultOf(final.set, writes(final), options));
  }
  countPlans(done, applied.counts);
  if (!isPlanOnly && done.some(writes)) await proveRows(session, done, work.request);
  await record(session, applied, options);
  return applied;
}

async function record(session: Session, { sets }: Applied, { write }: SeedRun): Promise<void> {
  const changed = sets.filter(({ state }) => state === 'changed');
  if (write && changed.length > 0)
    await writeRecord(session, new Map(changed.map(({ name }) => [name, 0])));
}

function resultOf(
  { set }: Pick<BoundSet, 'set'>,
  isChanged: boolean,
  { write }: SeedRun,
): SetResult {
  return { name: set.name, state: stateOf(isChanged, write) };
}

/** Returns the state of a set that ran, or of its plan. */
export function stateOf(isChanged: boolean, write: boolean): SetResult['state'] {
  if (!isChanged) return 'unchanged';
  return write ? 'changed' : 'pending';
}

async function applyCode(
  { session, options }: Work,
  { set, name }: Extract<PreparedSet, { kind: 'code' }>,
  { counts, sets }: Applied,
  isNew: boolean,
): Promise<void> {
  const { runCode } = await import('./code.ts');
  const { effects, repeats } = await runCode(session, set, options);
  const used = isNew ? effects.filter(({ existing }) => existing > 0) : [];
  if (used.length > 0)
    throw new LooksUsed(used.map(({ table, existing }) => ({ table, rows: existing })));
  for (const { table, added, changed, removed } of effects) {
    addTo(counts.created, table, added);
    addTo(counts.updated, table, changed + removed);
    counts.unchanged[table] ??= 0;
  }
  sets.push({
    name,
    state: stateOf(effects.length > 0, options.write),
    ...(repeats.length > 0 && { repeats }),
  });
}
