import { describeActivity, withLockRetries, type Activity } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import { hashOf } from './definition.ts';
import type { BackfillRun } from './workers.ts';
import type { BackfillOptions } from './options.ts';
import type { Subject } from './resolve-target.ts';
import { createTriggers, dropTriggers, signatureOf, triggersOf } from './trigger-sql.ts';

/** Creates the triggers before the first row is read, so that no new row is missed. */
export async function ensureTriggers({
  session,
  backfill,
  subjects,
  options,
}: Omit<BackfillRun, 'runPlan'>): Promise<void> {
  for (const subject of subjects.filter(({ isNotNull }) => !isNotNull)) {
    const [existing] = await session.query<{ made: string | null }>(triggersOf(subject));
    // CREATE TRIGGER waits for every transaction that has written to the table.
    if (existing?.made !== signatureOf(subject))
      await withShortLocks(session, options, createTriggers(subject));
  }
  await session.query(
    `UPDATE dbops.backfills SET has_trigger = true WHERE name = $1 AND hash = $2`,
    [backfill.name, hashOf(backfill)],
  );
}

/** Drops the triggers of a backfill, with short lock waits that are repeated. */
export async function removeTriggers(
  session: Session,
  subjects: readonly Subject[],
  options: LockLimits,
): Promise<void> {
  for (const subject of subjects)
    if (await anyTrigger(session, [subject]))
      await withShortLocks(session, options, dropTriggers(subject));
}

export type LockLimits = Pick<
  BackfillOptions,
  'lockTimeout' | 'patience' | 'signal' | 'anotherSession' | 'onProgress'
>;

async function withShortLocks(
  session: Session,
  { lockTimeout, patience, signal, anotherSession, onProgress }: LockLimits,
  sql: string,
): Promise<void> {
  const limit = Math.max(1, Math.min(lockTimeout, 500));
  const onWait = (blockers: Activity[]) =>
    onProgress(
      `waiting for a lock${blockers.map((each) => `; ${describeActivity(each)}`).join('')}`,
    );
  const retry = { patience, signal, observe: anotherSession, onWait };
  await withLockRetries(session, retry, async () => {
    try {
      await session.script(`BEGIN; SET LOCAL lock_timeout = ${limit}; ${sql}; COMMIT`);
    } catch (error) {
      await session.script('ROLLBACK').catch(() => {});
      throw error;
    }
  });
}

/** Returns whether a trigger of the backfill exists. */
export async function anyTrigger(session: Session, subjects: readonly Subject[]): Promise<boolean> {
  for (const subject of subjects) {
    const [row] = await session.query<{ count: number }>(triggersOf(subject));
    if (row && row.count > 0) return true;
  }
  return false;
}
