import { setTimeout as sleep } from 'node:timers/promises';
import { DbopsError, exitCodes } from '../errors.ts';
import { isBackend, type Backend } from './backend.ts';
import { codeOf } from './connection-error.ts';
import { blockersOf, describeActivity, type Activity, type LockRetry } from './lock.ts';
import type { Session } from './session.ts';
import { sqlstate } from './sqlstate.ts';

/** Limits for statements that `lock_timeout` does not cover. */
export interface WatchLimits extends LockRetry {
  /** Milliseconds to wait for a lock that makes other sessions queue. */
  lockTimeout: number;
}

/**
 * Watches `work` from a second connection and cancels it when one wait lasts too long: longer than
 * the `lockTimeout` where others queue behind it, otherwise longer than the patience. Only time
 * spent waiting for others counts, however long the work itself takes.
 *
 * @throws code 7 naming the blockers; where others queued, an error that `withLockRetries` repeats
 */
export async function withWatchedLocks<T>(
  session: Session,
  limits: WatchLimits,
  work: () => Promise<T>,
): Promise<T> {
  // The embedded engine has one session, which waits for no other.
  if (session.server.kind === 'pglite') return work();
  const watch = watchWaits(limits, limits.worker ?? session);
  try {
    return await work();
  } catch (error) {
    const late = await watch.stop();
    if (!late || codeOf(error) !== sqlstate.queryCanceled) throw error;
    throw late.blocksOthers ? lockTimedOut() : waitedTooLong(late.blockers, error);
  } finally {
    await watch.stop();
  }
}

/** A lock that a session waits for. */
interface Wait {
  lock: string;
  blocksOthers: boolean;
  since: number;
  /** When the wait was last reported. */
  reportedAt?: number;
  blockers: Activity[];
}

/** Milliseconds. Short waits are not reported, and none is reported twice in a row. */
const quiet = { first: 500, again: 10_000 };

function watchWaits(
  limits: WatchLimits,
  worker: Backend,
): { stop: () => Promise<Wait | undefined> } {
  const stopped = new AbortController();
  const watching = watchUntil(stopped.signal, limits, worker);
  return {
    stop() {
      stopped.abort();
      return watching;
    },
  };
}

/** Returns the wait because of which the work was cancelled. */
async function watchUntil(
  signal: AbortSignal,
  limits: WatchLimits,
  worker: Backend,
): Promise<Wait | undefined> {
  let observer: Session | undefined;
  let wait: Wait | undefined;
  try {
    for (;;) {
      // Most work ends before a second connection is needed.
      await sleep(100, undefined, { signal }).catch(() => {});
      if (signal.aborted) return undefined;
      try {
        observer ??= await limits.observe();
        wait = await seen(observer, worker, wait);
        if (wait && isOver(wait, limits)) {
          await cancel(observer, worker);
          return wait;
        }
        if (wait) tell(wait, limits);
      } catch {
        // Without an observer nothing is cancelled; the next attempt may connect.
        observer?.abandon();
        observer = undefined;
      }
    }
  } finally {
    await observer?.close().catch(() => {});
  }
}

/** Returns the lock that the worker waits for now, or nothing. */
async function seen(observer: Session, worker: Backend, last?: Wait): Promise<Wait | undefined> {
  const [awaited] = await observer.query<Pick<Wait, 'lock' | 'blocksOthers'>>(
    `SELECT row(l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
                l.classid, l.objid, l.mode)::text AS lock,
            l.locktype = 'relation' AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock',
              'ExclusiveLock', 'AccessExclusiveLock') AS "blocksOthers"
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE NOT l.granted AND ${isBackend(worker, 'a')} LIMIT 1`,
  );
  if (!awaited) return undefined;
  const wait = awaited.lock === last?.lock ? last : { ...awaited, since: Date.now(), blockers: [] };
  const blockers = await blockersOf(observer, worker);
  return blockers.length > 0 ? { ...wait, blockers } : wait;
}

function isOver({ since, blocksOthers }: Wait, { lockTimeout, patience }: WatchLimits): boolean {
  return Date.now() - since >= (blocksOthers ? Math.min(lockTimeout, patience) : patience);
}

function tell(wait: Wait, { onWait }: WatchLimits): void {
  const now = Date.now();
  const isDue =
    wait.reportedAt === undefined
      ? now - wait.since >= quiet.first
      : now - wait.reportedAt >= quiet.again;
  if (!isDue) return;
  wait.reportedAt = now;
  onWait(wait.blockers);
}

/** Cancels the running statement of a server process. */
async function cancel(observer: Session, worker: Backend): Promise<void> {
  await observer.query(
    `SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a
      WHERE a.state = 'active' AND ${isBackend(worker, 'a')}`,
  );
}

/** Returns the error that the server's own `lock_timeout` raises. */
function lockTimedOut(): Error {
  const error = new Error('canceling statement due to lock timeout');
  return Object.assign(error, { code: sqlstate.lockNotAvailable });
}

function waitedTooLong(blockers: Activity[], cause: unknown): DbopsError {
  const stuck = blockers.map(({ pid }) => `SELECT pg_terminate_backend(${pid});`).join(' ');
  return new DbopsError({
    code: 'LOCK.TABLE',
    exitCode: exitCodes.locked,
    message:
      'Timed out waiting for a lock: the statement waited for other sessions for longer than --wait and was cancelled.',
    reason: blockers.map(describeActivity),
    hint: `Run the command again when they have finished, or with a longer --wait${stuck && `; if they are stuck: ${stuck}`}`,
    cause,
  });
}
