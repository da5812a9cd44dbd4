import { hash } from 'node:crypto';
import { advisoryLocks, type AdvisoryLocks } from '../db/advisory-locks.ts';
import { holderOf, lockedOut, untilHad } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import type { BackfillOptions } from './options.ts';

/** One key for each name; the first half is "bkfl". */
function lockKeyOf(name: string): bigint {
  const own = BigInt(`0x${hash('sha256', name).slice(0, 8)}`);
  return (0x626b666cn << 32n) | own;
}

/**
 * Keeps every other run of the backfill away while `work` runs. The lock ends with its session, so
 * that a run which was killed is in nobody's way.
 *
 * @throws code 7 naming who is at it
 */
export async function withLease<T>(
  session: Session,
  name: string,
  { patience, signal, anotherSession, onProgress }: BackfillOptions,
  work: (locks: AdvisoryLocks) => Promise<T>,
): Promise<T> {
  const key = lockKeyOf(name);
  const locks = await advisoryLocks(session, anotherSession);
  try {
    await untilHad(
      () => locks.tryLock(key),
      () => holderOf(session, key),
      { patience, signal, onWait: (holder) => onProgress(`waiting for ${holder}`) },
      (holder) => lockedOut('LOCK.BACKFILL', `Another run is at the backfill ${name}.`, holder),
    );
    return await work(locks);
  } finally {
    await locks.release();
  }
}
