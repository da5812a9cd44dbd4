import { setTimeout as sleep } from 'node:timers/promises';
import { DbopsError, exitCodes } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import type { Session } from './session.ts';

/** Advisory locks (server manual, "Advisory Locks") that are held until `release`. */
export interface AdvisoryLocks {
  /** Whether a pooler is in between. */
  readonly isPooled: boolean;
  tryLock(key: bigint): Promise<boolean>;
  /** @throws code 3 when the connection that holds the locks was lost */
  check(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Returns locks that last on this connection: session locks, or, behind a pooler, locks of a
 * transaction that is kept open on a second connection.
 */
export async function advisoryLocks(
  session: Session,
  { anotherSession, patience }: { anotherSession?: () => Promise<Session>; patience: number },
): Promise<AdvisoryLocks> {
  if (!anotherSession || !session.isPooled) return sessionLocks(session);
  const keeper = await within(patience, anotherSession());
  if (!keeper) throw poolIsTooSmall(patience);
  return transactionLocks(keeper, async () => {
    // The keeper's transaction has one connection of the pool, and the migrations need another.
    if (!(await within(patience, session.query('SELECT')))) throw poolIsTooSmall(patience);
  });
}

/** Returns undefined when the work is not done in time. It is not cancelled. @param patience milliseconds */
async function within<T>(patience: number, work: Promise<T>): Promise<T | undefined> {
  work.catch(() => {}); // may fail after nobody waits for it
  const timer = new AbortController();
  const late = sleep(Math.max(patience, leastPatience), undefined, { signal: timer.signal });
  late.catch(() => {});
  return Promise.race([work, late]).finally(() => timer.abort());
}

/** Milliseconds. */
const leastPatience = 1000;

function poolIsTooSmall(patience: number): DbopsError {
  return new DbopsError({
    code: 'DATABASE.POOL_SIZE',
    exitCode: exitCodes.unreachable,
    message: `The connection pooler provided no second connection within ${formatDuration(patience)}; nothing was changed.`,
    hint: 'dbops needs two connections behind a pooler. Connect directly (set DATABASE_URL_UNPOOLED), or give the pool two or more connections.',
  });
}

function sessionLocks(session: Session): AdvisoryLocks {
  const keys: bigint[] = [];
  return {
    isPooled: false,
    async tryLock(key) {
      const locked = await ask(session, `SELECT pg_try_advisory_lock(${key}) AS locked`);
      if (locked) keys.push(key);
      return locked;
    },
    // These locks end only with the session that runs the migrations.
    check: async () => {},
    async release() {
      for (const key of keys.toReversed())
        await session.query('SELECT pg_advisory_unlock($1)', [key]).catch(() => {});
    },
  };
}

/**
 * A transaction that only waits has no snapshot, so CREATE INDEX CONCURRENTLY does not wait for
 * it. Parameters would leave a portal with a snapshot behind: keys are written into the text.
 */
function transactionLocks(keeper: Session, onFirst: () => Promise<void>): AdvisoryLocks {
  let isOpen = false;
  const end = async () => {
    isOpen = false;
    await keeper.script('ROLLBACK');
  };
  return {
    isPooled: true,
    async tryLock(key) {
      const isFirst = !isOpen;
      if (isFirst) await keeper.script(`BEGIN; ${neverIdle}`);
      isOpen = true;
      const locked = await ask(keeper, `SELECT pg_try_advisory_xact_lock(${key}) AS locked`);
      // While waiting, the connection is returned to the pool.
      if (!locked && isFirst) await end();
      if (locked && isFirst) await onFirst();
      return locked;
    },
    async check() {
      await keeper.query('SELECT').catch((cause: unknown) => {
        // A pooler may keep its side open, and would never answer the ROLLBACK of the release.
        keeper.abandon();
        throw new DbopsError({
          code: 'LOCK.LOST',
          exitCode: exitCodes.unreachable,
          message:
            'The connection that held the migration lock was lost; no further migration was started.',
          hint: 'Connect directly instead of through the pooler, then: dbops migrate status',
          cause,
        });
      });
    },
    async release() {
      await end().catch(() => {});
    },
  };
}

const neverIdle = 'SET LOCAL idle_in_transaction_session_timeout = 0';

async function ask(session: Session, sql: string): Promise<boolean> {
  const [row] = await session.query<{ locked: boolean }>(sql);
  return row?.locked === true;
}
