import { hash } from 'node:crypto';
import { advisoryLocks, type AdvisoryLocks } from '../db/advisory-locks.ts';
import { holderOf, lockedOut, untilHad } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import type { BackfillOptions } from './options.ts';

/** One key per name; its first half is "bkfl". */
function lockKeyOf(name: string): bigint {
  const own = BigInt(`0x${hash('sha256', name).slice(0, 8)}`);
  return (0x626b666cn << 32n) | own;
}

/**
 * Runs `work` under the advisory lock of the backfill. The server releases it with its session, so
 * a killed run blocks no other.
 *
 * @throws code 7 naming the run that holds the lock
 */
export async function withLease<T>(
  session: Session,
  name: string,
  { patience, signal, anotherSession, onProgress }: BackfillOptions,
  work: (locks: AdvisoryLocks) => Promise<T>,
): Promise<T> {
  const key = lockKeyOf(name);
  const locks = await advisoryLocks(session, { anotherSession, patience });
  try {
    await untilHad(
      () => locks.tryLock(key),
      () => holderOf(session, key),
      { patience, signal, onWait: (holder) => onProgress(`waiting for ${holder}`) },
      (holder) => lockedOut('LOCK.BACKFILL', `Backfill ${name} is already running.`, holder),
    );
    return await work(locks);
  } finally {
    await locks.release();
  }
}
