import type { Context } from '../context.ts';
import { withLockRetries } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import type { SeedOutcome, SeedRun } from './transaction.ts';

/** A run of `dbops seed`. */
export interface SeedingRun {
  context: Context;
  session: Session;
  options: SeedRun;
  /** Seeds the rows, files and modules once. */
  seed(options: SeedRun): Promise<SeedOutcome>;
}

/** Milliseconds to retry for locks, including that of another seed. */
const patience = 60_000;

/** Repeats a transaction until it gets its locks. */
export function retrying<T>(
  { context, session }: SeedingRun,
  attempt: () => Promise<T>,
): Promise<T> {
  const retries = {
    patience,
    signal: context.signal,
    observe: () => context.anotherSession(),
    onWait: () => context.progress.update('waiting for a lock'),
  };
  return withLockRetries(session, retries, attempt);
}
