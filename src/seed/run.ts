import type { Context } from '../context.ts';
import { needsConsent, readLabel, type EnvironmentLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { usageError } from '../errors.ts';
import { formatCountOf } from '../output/number.ts';
import { chooseSets, prepareSets, type PreparedSet } from './choose.ts';
import type { ParsedSeeds } from './definition.ts';
import { LooksUsed } from './guard.ts';
import { loadAll } from './load.ts';
import type { SeedCounts } from './plan.ts';
import { retrying, type SeedingRun } from './retrying.ts';
import { seedOnce, type SeedOutcome, type SeedRun, type SetResult } from './transaction.ts';

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
  const run: SeedingRun = {
    context,
    session,
    seed: (options) => seedOnce(session, sets, options),
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

/** An unknown name is an error whatever the database holds. */
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

/** Shows the plan and asks for the name of the database, unless nothing would change. */
async function agree(run: SeedingRun, label: EnvironmentLabel): Promise<void> {
  const { context, session, options } = run;
  const planned = await retrying(run, () =>
    run.seed({ ...options, write: false, isGuarded: false }),
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

async function seedGuarded(run: SeedingRun): Promise<SeedOutcome> {
  const { context, session, options } = run;
  try {
    return await retrying(run, () => run.seed(options));
  } catch (error) {
    if (!(error instanceof LooksUsed)) throw error;
    const name = databaseName(session.target);
    await context.consent(
      `${name} has no environment label and looks used: ${error.message}. If it is a test database, label it (dbops env set development).`,
    );
    return retrying(run, () => run.seed({ ...options, isGuarded: false }));
  }
}
