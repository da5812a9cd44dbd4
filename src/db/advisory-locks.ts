import { DbopsError, exitCodes } from '../errors.ts';
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
  anotherSession?: () => Promise<Session>,
): Promise<AdvisoryLocks> {
  if (!anotherSession || !session.isPooled) return sessionLocks(session);
  return transactionLocks(await anotherSession());
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
function transactionLocks(keeper: Session): AdvisoryLocks {
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
      return locked;
    },
    async check() {
      await keeper.query('SELECT').catch((cause: unknown) => {
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
