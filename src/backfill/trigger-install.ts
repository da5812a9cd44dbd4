import { describeActivity, withLockRetries, type Activity } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import { hashOf } from './definition.ts';
import type { BackfillRun } from './workers.ts';
import type { BackfillOptions } from './options.ts';
import type { Subject } from './resolve-target.ts';
import {
  createTriggers,
  dropFunctions,
  dropTriggers,
  ownedFunctions,
  signatureOf,
  triggersOf,
  type TriggerOwner,
} from './trigger-sql.ts';

/** Creates the triggers before the first row is read, so that no new row is missed. */
export async function ensureTriggers({
  session,
  backfill,
  subjects,
  options,
}: Omit<BackfillRun, 'runPlan'>): Promise<void> {
  for (const [target, subject] of subjects.entries()) {
    if (subject.isNotNull) continue;
    if (isPartitionKey(subject)) {
      options.onNote(
        `${subject.label}: no trigger fills new rows, because ${subject.column} is in the partition key: let the application write it`,
      );
      continue;
    }
    const owner = { backfill: backfill.name, target };
    const [existing] = await session.query<{ made: string | null }>(triggersOf(subject));
    // CREATE TRIGGER waits for every transaction that has written to the table.
    if (existing?.made !== signatureOf(subject, owner))
      await withShortLocks(session, options, createTriggers(subject, owner));
  }
  await session.query(`UPDATE dbops.backfills SET has_trigger = $3 WHERE name = $1 AND hash = $2`, [
    backfill.name,
    hashOf(backfill),
    await anyTrigger(session, subjects),
  ]);
}

/**
 * The server rejects the INSERT if a BEFORE trigger moves the row to another partition (server
 * manual, CREATE TRIGGER).
 */
function isPartitionKey({ relations }: Subject): boolean {
  return relations.some(({ mayMove }) => mayMove);
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

/**
 * Drops the triggers of backfills, whatever became of their tables and columns.
 *
 * @param isObsolete whether a trigger is to be dropped
 * @returns the names of the backfills that have lost a trigger
 */
export async function dropOwnedTriggers(
  session: Session,
  options: LockLimits,
  isObsolete: (owner: TriggerOwner) => boolean | Promise<boolean>,
): Promise<string[]> {
  const owned = await session.query<TriggerOwner & { digest: string }>(ownedFunctions);
  const dropped: string[] = [];
  for (const { digest, ...owner } of owned) {
    if (!(await isObsolete(owner))) continue;
    await withShortLocks(session, options, dropFunctions(digest));
    dropped.push(owner.backfill);
  }
  const left = owned.filter(({ backfill }) => !dropped.includes(backfill));
  const names = dropped.filter((name) => !left.some(({ backfill }) => backfill === name));
  if (names.length > 0)
    await session.query('UPDATE dbops.backfills SET has_trigger = false WHERE name = ANY ($1)', [
      names,
    ]);
  return [...new Set(dropped)];
}

/** Returns whether a trigger of the backfill exists. */
export async function anyTrigger(session: Session, subjects: readonly Subject[]): Promise<boolean> {
  for (const subject of subjects) {
    const [row] = await session.query<{ count: number }>(triggersOf(subject));
    if (row && row.count > 0) return true;
  }
  return false;
}
