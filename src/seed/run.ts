import { codeOf } from '../db/connection-error.ts';
import { readOnly, transaction, type Session } from '../db/session.ts';
import { interrupted, usageError } from '../errors.ts';
import { applyPlan } from './apply.ts';
import { monthsAround } from './months.ts';
import { countPlans, type SeedCounts } from './plan.ts';
import { readPlan } from './read.ts';
import type { SeedSet } from './definition.ts';

export interface SeedOptions {
  /** Dates are relative to its UTC month. */
  now: Date;
  /** Also puts insert-only columns back, in rows that the seed made. */
  reset: boolean;
  /** `false` only tells what would be done; the server enforces it. */
  write: boolean;
  /** Milliseconds a statement waits for a lock. */
  lockTimeout: number;
  /** Milliseconds a statement may take; 0 is no limit. */
  statementTimeout: number;
  signal: AbortSignal;
}

/** One key for all seeds of a database. */
const seedKey = 0x64626f70732d73n; // "dbops-s"

/**
 * Makes the rows of the sets, or brings them up to date, all of it or nothing.
 *
 * @returns what was done, or what would be done
 * @throws usage error when migrations are missing, 1 when a statement failed, 130 when interrupted
 */
export async function seed(
  session: Session,
  sets: readonly SeedSet[],
  options: SeedOptions,
): Promise<SeedCounts> {
  const months = monthsAround(options.now);
  const fixtures = sets.flatMap((set) => set.tables(months));
  if (!options.write) {
    return readOnly(session, async () =>
      countPlans((await readPlan(session, fixtures, options)).tables),
    );
  }
  return transaction(session, async () => {
    await beginSeed(session, options);
    const plan = await readPlan(session, fixtures, options);
    const counts = countPlans(plan.tables);
    if (hasChanges(counts)) await applyPlan(session, plan, () => stopIfAborted(options.signal));
    stopIfAborted(options.signal);
    return counts;
  });
}

/** Whether rows were, or would be, written. */
export function hasChanges({ created, updated }: SeedCounts): boolean {
  return Object.keys(created).length + Object.keys(updated).length > 0;
}

/**
 * READ COMMITTED, whatever the database's default: a snapshot from before the lock was had would
 * not show the rows of the seed that held it.
 */
async function beginSeed(
  session: Session,
  { lockTimeout, statementTimeout }: SeedOptions,
): Promise<void> {
  await session.script(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL lock_timeout = ${lockTimeout};
    SET LOCAL statement_timeout = ${statementTimeout}`);
  await session.query('SELECT pg_advisory_xact_lock($1)', [seedKey]);
}

function stopIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw interrupted('Interrupted; nothing was changed.', 'Start again with: dbops seed');
}

/**
 * Refuses a database that nobody has labelled and that holds customers of a real Stripe account;
 * test ids, as the seed makes them, have `_test_` in them.
 *
 * @throws usage error
 */
export async function refuseLiveCustomers(session: Session): Promise<void> {
  const sql = String.raw`SELECT stripe_customer_id AS id FROM billing_customers
    WHERE stripe_customer_id NOT LIKE '%\_test\_%' LIMIT 1`;
  const undefinedTable = '42P01'; // then there is no customer either
  const [live] = await session.query<{ id: string }>(sql).catch((error: unknown) => {
    if (codeOf(error) !== undefinedTable) throw error;
    return [];
  });
  if (!live) return;
  throw usageError(
    'SEED.LIVE_CUSTOMERS',
    `billing_customers holds ${live.id}, which may be a customer of a live Stripe account: seeding is refused.`,
    'If this is no production database, say so: dbops env set development',
  );
}
