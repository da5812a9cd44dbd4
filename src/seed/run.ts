import type { Context } from '../context.ts';
import { withLockRetries } from '../db/lock.ts';
import { needsConsent, readLabel, assertNotProduction } from '../db/meta.ts';
import { readOnly, transaction, type Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { interrupted, usageError } from '../errors.ts';
import { applyPlan } from './apply.ts';
import { monthsAround } from './months.ts';
import { countPlans, hasChanges, type SeedCounts } from './plan.ts';
import { readPlan } from './read.ts';
import type { SeedDeclaration, SeedSet } from './definition.ts';

export interface SeedRun {
  /** Dates are relative to its UTC month. */
  now: Date;
  /** Also restore insert-only columns, in rows that a seed created. */
  reset: boolean;
  /** `false`: only plan, in a read-only transaction. */
  write: boolean;
  /** Milliseconds that a statement waits for a lock. */
  lockTimeout: number;
  /** Milliseconds; 0 is no limit. */
  statementTimeout: number;
  signal: AbortSignal;
}

interface SeedRequest extends Pick<SeedRun, 'reset' | 'write'> {
  declaration: SeedDeclaration;
  /** Those of its sets to seed. */
  sets: readonly SeedSet[];
}

/** Milliseconds to retry for locks, including that of another seed. */
const patience = 60_000;

/**
 * Seeds a database that may be seeded, after consent where it is on another machine; waits for locks.
 *
 * @returns the counts of rows that were, or would be, written
 * @throws usage error for a production database, and as `seed` does
 */
export async function runSeeds(
  context: Context,
  session: Session,
  { declaration, sets, reset, write }: SeedRequest,
): Promise<SeedCounts> {
  await assertMaySeed(context, session, declaration, write);
  const { clock, signal, progress } = context;
  const { lockTimeout, statementTimeout } = context.settings;
  const options = { now: clock(), reset, write, lockTimeout, statementTimeout, signal };
  const retries = {
    patience,
    signal,
    observe: () => context.anotherSession(),
    onWait: () => progress.update('waiting for a lock'),
  };
  return withLockRetries(session, retries, () => seed(session, sets, options));
}

async function assertMaySeed(
  context: Context,
  session: Session,
  { assertSafe }: SeedDeclaration,
  write: boolean,
): Promise<void> {
  const label = await readLabel(session);
  assertNotProduction(session, label, 'seeding');
  if (label.name === null) await assertSafe?.(session);
  if (write && needsConsent(session, label))
    await context.consent(
      `This seeds test data into ${databaseName(session.target)}, which is not on this machine.`,
    );
}

/** The advisory lock of all seeds of a database. */
const seedKey = 0x64626f70732d73n; // "dbops-s"

/**
 * Inserts or updates the rows of the sets in one transaction.
 *
 * @returns the counts of rows that were, or would be, written
 * @throws usage error when migrations are missing, 1 when a statement failed, 130 when interrupted
 */
export async function seed(
  session: Session,
  sets: readonly SeedSet[],
  options: SeedRun,
): Promise<SeedCounts> {
  const months = monthsAround(options.now);
  const fixtures = sets.flatMap((set) => set.tables(months));
  if (!options.write) {
    return readOnly(session, async () =>
      countPlans((await readPlan(session, fixtures, options)).tables),
    );
  }
  return transaction(session, async () => {
    await configureTransaction(session, options);
    const plan = await readPlan(session, fixtures, options);
    const counts = countPlans(plan.tables);
    if (hasChanges(counts)) await applyPlan(session, plan, () => stopIfAborted(options.signal));
    stopIfAborted(options.signal);
    return counts;
  });
}

/**
 * Uses READ COMMITTED whatever the database's default: a snapshot taken before the lock was acquired
 * would not show the rows of the seed that held it.
 */
async function configureTransaction(
  session: Session,
  { lockTimeout, statementTimeout }: SeedRun,
): Promise<void> {
  await session.script(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL lock_timeout = ${lockTimeout};
    SET LOCAL statement_timeout = ${statementTimeout}`);
  await session.query('SELECT pg_advisory_xact_lock($1)', [seedKey]);
}

function stopIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw interrupted('Interrupted; nothing was changed.', 'Run again: dbops seed');
}

/**
 * Returns the named sets and those that they need, in the order of the list; without names, all.
 *
 * @throws usage error for an unknown name
 */
export function selectSets(sets: readonly SeedSet[], names: readonly string[]): SeedSet[] {
  if (names.length === 0) return [...sets];
  const selected = new Set<string>();
  const select = (name: string) => {
    selected.add(name);
    setNamed(sets, name).needs.forEach(select);
  };
  names.forEach(select);
  return sets.filter(({ name }) => selected.has(name));
}

function setNamed(sets: readonly SeedSet[], name: string): SeedSet {
  const found = sets.find((set) => set.name === name);
  if (found) return found;
  const known = sets.map((set) => set.name).join(', ');
  throw usageError('SEED.UNKNOWN', `Unknown seed set: ${name}.`, `Seed sets: ${known}`);
}
