import type { Context } from '../context.ts';
import { withLockRetries } from '../db/lock.ts';
import { needsConsent, readLabel, type EnvironmentLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { interrupted, usageError } from '../errors.ts';
import { formatCountOf } from '../output/number.ts';
import { chooseSets, prepareSets, type PreparedSet } from './choose.ts';
import type { ParsedSeeds } from './definition.ts';
import { failed } from './failed.ts';
import { LooksUsed } from './guard.ts';
import { addTo, type SeedCounts } from './plan.ts';
import { readRecord, writeRecord } from './record.ts';
import { sqlName } from './rows-sql.ts';
import { loadScale, type BoundScale } from './scale.ts';
import {
  openingOf,
  seedOnce,
  stateOf,
  type SeedRun,
  type SeedOutcome,
  type SetResult,
} from './transaction.ts';

export interface SeedRequest extends Pick<SeedRun, 'reset' | 'write' | 'allowRepeat' | 'scale'> {
  seeds: ParsedSeeds;
  /** The sets to seed, with those that they refer to; empty: all. */
  only: readonly string[];
}

export interface SeedResult {
  counts: SeedCounts;
  sets: SetResult[];
  notes: string[];
}

/** Milliseconds to retry for locks, including that of another seed. */
const patience = 60_000;

/**
 * Seeds the sets that are declared for the environment of the database, after consent where it needs one;
 * waits for locks.
 *
 * @returns what was, or would be, written
 * @throws usage error for a production database without reference data, and as `seedOnce` does
 */
export async function runSeeds(context: Context, request: SeedRequest): Promise<SeedResult> {
  const now = context.clock();
  const prepared = await prepareSets(request.seeds, { root: context.settings.root, now });
  assertKnown(prepared, request.only);
  assertScales(prepared, request);
  const session = await context.session();
  const label = await readLabel(session);
  const { sets, skipped } = chooseSets(prepared, request.only, label);
  const isGuarded = mayHoldOthers(session, label);
  const run = {
    context,
    session,
    sets,
    options: { ...optionsOf(context, request), now, isGuarded },
  };
  if (request.write && needsConsent(session, label)) await agree(run, label);
  const outcome = await seedGuarded(run);
  const scaled = await loadAll(run, outcome);
  return {
    counts: outcome.counts,
    sets: [
      ...outcome.sets,
      ...scaled,
      ...skipped.map((name) => ({ name, state: 'skipped' }) satisfies SetResult),
    ],
    notes: sets.flatMap((each) => (each.kind === 'code' ? each.set.notes : [])),
  };
}

/** An unknown name is an error before the database is reached. */
function assertKnown(sets: readonly PreparedSet[], only: readonly string[]): void {
  const unknown = only.find((name) => !sets.some((set) => set.name === name));
  if (unknown === undefined) return;
  const known = sets.map(({ name }) => name).join(', ');
  throw usageError('SEED.UNKNOWN', `Unknown seed set: ${unknown}.`, `Seed sets: ${known}`);
}

function assertScales(sets: readonly PreparedSet[], { scale }: SeedRequest): void {
  if (scale === undefined || sets.some(({ kind }) => kind === 'scale')) return;
  throw usageError(
    'SEED.SCALE',
    '--scale needs a set of generated rows, and none is declared.',
    "Declare one: load: { table: 'events', scale: 100_000, columns: { at: 'spread 60 days' } }",
  );
}

interface Run {
  context: Context;
  session: Session;
  sets: readonly PreparedSet[];
  options: SeedRun;
}

function optionsOf(
  { settings: { lockTimeout, statementTimeout }, signal }: Context,
  { seeds: _seeds, only: _only, ...request }: SeedRequest,
): Omit<SeedRun, 'now' | 'isGuarded'> {
  return { ...request, lockTimeout, statementTimeout, signal };
}

/** Rows of others are a reason to ask in an unlabelled database that outlives the command. */
function mayHoldOthers({ target }: Session, { name }: EnvironmentLabel): boolean {
  return name === null && !(target.kind === 'pglite' && target.directory === null);
}

function retrying<T>({ context, session }: Run, attempt: () => Promise<T>): Promise<T> {
  const retries = {
    patience,
    signal: context.signal,
    observe: () => context.anotherSession(),
    onWait: () => context.progress.update('waiting for a lock'),
  };
  return withLockRetries(session, retries, attempt);
}

/** Shows the plan and asks for the name of the database, unless nothing would change. */
async function agree(run: Run, label: EnvironmentLabel): Promise<void> {
  const { context, session, sets, options } = run;
  const planned = await retrying(run, () =>
    seedOnce(session, sets, { ...options, write: false, isGuarded: false }),
  );
  const missing = planned.scales.map(({ name, rows }) => [name, rows] as const);
  const lines = [
    ...Object.entries(planned.counts.created).map(([table, rows]) => `${table}: insert ${rows}`),
    ...Object.entries(planned.counts.updated).map(([table, rows]) => `${table}: update ${rows}`),
    ...missing.map(([name, rows]) => `${name}: load ${formatCountOf(rows, 'row')}`),
  ];
  if (lines.length === 0) return;
  for (const line of ['plan:', ...lines.map((each) => `  ${each}`)]) context.note(line);
  const name = databaseName(session.target);
  await context.consent(
    label.name === null
      ? `This seeds test data into ${name}, which is not on this machine.`
      : `This seeds reference data into ${name}, which is labelled ${label.name}${label.isProtected ? ' and protected' : ''}.`,
  );
}

async function seedGuarded(run: Run): Promise<SeedOutcome> {
  const { context, session, sets, options } = run;
  try {
    return await retrying(run, () => seedOnce(session, sets, options));
  } catch (error) {
    if (!(error instanceof LooksUsed)) throw error;
    const name = databaseName(session.target);
    await context.consent(
      `${name} has no environment label and looks used: ${error.message}. If it is a test database, label it (dbops env set development).`,
    );
    return retrying(run, () => seedOnce(session, sets, { ...options, isGuarded: false }));
  }
}

/** Loads the sets of generated rows, each in a transaction of its own. */
async function loadAll(run: Run, outcome: SeedOutcome): Promise<SetResult[]> {
  const results: SetResult[] = [];
  for (const set of outcome.scales) {
    const rows = run.options.write
      ? await retrying(run, () => loadOne(run, set, outcome))
      : set.rows - (await loadedRows(run.session, set, outcome.loaded));
    addTo(outcome.counts.created, set.label, Math.max(rows, 0));
    outcome.counts.unchanged[set.label] =
      (outcome.counts.unchanged[set.label] ?? 0) + Math.max(set.rows - Math.max(rows, 0), 0);
    results.push({ name: set.name, state: stateOf(rows > 0, run.options.write) });
  }
  return results;
}

/** Returns how many rows of a set an earlier run loaded; rows of a table that was emptied do not count. */
async function loadedRows(
  session: Session,
  { name, table }: BoundScale,
  record: ReadonlyMap<string, number>,
): Promise<number> {
  const rows = record.get(name) ?? 0;
  if (rows === 0) return 0;
  return (await session.query(`SELECT FROM ${sqlName(table)} LIMIT 1`)).length > 0 ? rows : 0;
}

async function loadOne(run: Run, set: BoundScale, outcome: SeedOutcome): Promise<number> {
  const { context, session, options } = run;
  const stop = () =>
    interrupted(`Interrupted; ${set.name} was not loaded.`, 'Run again: dbops seed');
  if (options.signal.aborted) throw stop();
  try {
    await session.script(openingOf({ ...options, isReadOnly: false }).join('; '));
    const [row] = await session.query<{ exists: boolean }>(
      `SELECT to_regclass('dbops.seeds') IS NOT NULL AS exists`,
    );
    const record = await readRecord(session, row?.exists === true);
    const loaded = await loadedRows(session, set, record);
    if (loaded >= set.rows) {
      await session.script('ROLLBACK');
      return 0;
    }
    const progress = (line: string) => context.progress.update(line);
    const { known, tables } = outcome;
    const { now, signal } = options;
    const rows = await loadScale(session, set, { now, signal, known, tables, loaded, progress });
    if (!(await writeRecord(session, new Map([[set.name, set.rows]])))) throw notRecorded(set.name);
    await session.script('COMMIT');
    return rows;
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    if (options.signal.aborted) throw stop();
    throw failed({ set: { name: set.name, label: set.label } }, error);
  }
}

function notRecorded(name: string) {
  return usageError(
    'SEED.NOT_RECORDED',
    `This role cannot record that ${name} was loaded; nothing was loaded.`,
    'Have the owner of the database run: CREATE SCHEMA dbops; GRANT CREATE, USAGE ON SCHEMA dbops TO …',
  );
}
