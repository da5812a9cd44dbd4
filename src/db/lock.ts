import { setTimeout as sleep } from 'node:timers/promises';
import { DbopsError, exitCodes } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import { advisoryLocks, type AdvisoryLocks } from './advisory-locks.ts';
import { isBackend, type Backend } from './backend.ts';
import type { Session } from './session.ts';
import { sqlstate } from './sqlstate.ts';

/** Another server process, as `pg_stat_activity` shows it. */
export interface Activity {
  pid: number;
  application: string;
  user: string;
  /** Milliseconds since its transaction, or else its session, began. */
  ageMs: number;
  state: string;
  query: string;
}

const activityColumns = `a.pid, coalesce(a.application_name, '') AS application, coalesce(a.usename::text, '') AS "user",
  (1000 * extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)))::float8 AS "ageMs",
  coalesce(a.state, '') AS state, left(coalesce(a.query, ''), 600) AS query`;

/** The statements that dbops sends before a migration, in the same message. */
const ownPrefix = /^BEGIN; (?:SET LOCAL [^;]*; )+/;

/** The statements that dbops sends after a migration, in the same message. */
const ownSuffix = /\s*;\s*RESET SESSION AUTHORIZATION; RESET ROLE[^]*$/;

/** `pid 4711 (psql, user app, idle in transaction for 3 min 20 s): UPDATE …` */
export function describeActivity({
  pid,
  application,
  user,
  ageMs,
  state,
  query,
}: Activity): string {
  const statement = query
    .replace(ownPrefix, '')
    .replace(ownSuffix, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
  return `pid ${pid} (${application || 'no application name'}, user ${user}, ${state} for ${formatDuration(ageMs)}): ${statement}`;
}

/** One key for all folders of a database, because runs of different folders must not interleave. */
const runnerKey = 0x64626f7073n; // "dbops"

/** How long to wait for a lock, and what to do while waiting. */
export interface Waiting {
  /** Milliseconds. */
  patience: number;
  signal: AbortSignal;
  onWait: (holder: string) => void;
}

interface RunnerLock extends Waiting {
  /** Behind a pooler the locks need a connection of their own. */
  anotherSession?: () => Promise<Session>;
}

/**
 * Holds the runner's advisory lock around `work`.
 *
 * @throws code 7, naming the holder, when the wait times out
 */
export async function withRunnerLock<T>(
  session: Session,
  { anotherSession, ...waiting }: RunnerLock,
  work: (locks: AdvisoryLocks) => Promise<T>,
): Promise<T> {
  const { patience } = waiting;
  const locks = await advisoryLocks(session, {
    patience,
    ...(anotherSession && { anotherSession }),
  });
  try {
    await untilHad(
      () => locks.tryLock(runnerKey),
      () => holderOf(session, runnerKey),
      waiting,
      (holder) =>
        lockedOut(
          'LOCK.RUNNER',
          'Another dbops run holds the migration lock of this database.',
          holder,
        ),
    );
    return await work(locks);
  } finally {
    await locks.release();
  }
}

/**
 * Polls for a lock: a session that waits inside `pg_advisory_lock()` holds a snapshot, and CREATE
 * INDEX CONCURRENTLY in the session that has the lock would wait for that snapshot indefinitely.
 *
 * @throws the error that `late` returns for the holder, when the wait times out
 */
export async function untilHad(
  attempt: () => Promise<boolean>,
  findHolder: () => Promise<Activity | undefined>,
  { patience, signal, onWait }: Waiting,
  late: (holder: Activity | undefined) => DbopsError,
): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await attempt())) {
    const holder = await findHolder();
    if (Date.now() >= deadline) throw late(holder);
    onWait(holder ? describeActivity(holder) : 'another run');
    await sleep(50 + Math.random() * 200, undefined, { signal });
  }
}

/** The session that holds an advisory lock, the runner's if none is named. */
export async function holderOf(
  session: Session,
  key: bigint = runnerKey,
): Promise<Activity | undefined> {
  // In pg_locks a bigint key is split in two.
  const [holder] = await session.query<Activity>(
    `SELECT ${activityColumns}
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = ($1::bigint >> 32)::oid AND l.objid = ($1::bigint & 4294967295)::oid`,
    [key],
  );
  return holder;
}

/** Returns the error for a lock wait that timed out (exit code 7). */
export function lockedOut(
  code: string,
  message: string,
  holder: Activity | undefined,
  wayOut = holder ? `SELECT pg_terminate_backend(${holder.pid})` : undefined,
): DbopsError {
  return new DbopsError({
    code,
    exitCode: exitCodes.locked,
    message,
    reason: holder ? [describeActivity(holder)] : [],
    hint: `Wait for it and run the command again${wayOut ? `; if it is stuck: ${wayOut}` : ''}.`,
  });
}

export interface LockRetry {
  /** The process that may wait; by default the session's own. */
  worker?: Backend;
  /** Milliseconds in all. */
  patience: number;
  signal: AbortSignal;
  /** Opens a second connection, from which the blockers of the first are visible. */
  observe: () => Promise<Session>;
  onWait: (blockers: Activity[]) => void;
}

/**
 * Repeats `attempt` while it fails on `lock_timeout` or a deadlock. Between attempts nothing is
 * queued, so the application's statements pass.
 *
 * @throws code 7 naming the blockers, or whatever else `attempt` throws
 */
export async function withLockRetries<T>(
  session: Session,
  retry: LockRetry,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + retry.patience;
  let observer: Session | undefined;
  try {
    for (let round = 1; ; round++) {
      const watch = observer && watchBlockers(observer, retry.worker ?? session);
      try {
        return await attempt();
      } catch (error) {
        if (!isLockFailure(error)) throw error;
        const blockers = (await watch?.stop()) ?? [];
        // The first attempt is not watched. The second one finds the blockers.
        if (round > 1 && Date.now() >= deadline) throw notHadInTime(blockers, error);
        retry.onWait(blockers);
        observer ??= await retry.observe().catch(() => undefined);
        const longest = Math.min(50 * 2 ** round, 5_000);
        const pause = longest / 2 + (Math.random() * longest) / 2;
        await sleep(pause, undefined, { signal: retry.signal });
      } finally {
        await watch?.stop();
      }
    }
  } finally {
    await observer?.close();
  }
}

function isLockFailure(error: unknown): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  const code = (cause as { code?: unknown }).code;
  return code === sqlstate.lockNotAvailable || code === sqlstate.deadlockDetected;
}

/** Polls the blockers of the worker, at growing intervals, and keeps the last ones found. */
function watchBlockers(observer: Session, worker: Backend): { stop: () => Promise<Activity[]> } {
  const stopped = new AbortController();
  let last: Activity[] = [];
  const watching = (async () => {
    // Often at first, because an attempt may last no longer than a short lock_timeout.
    for (let pause = 5; !stopped.signal.aborted; pause = Math.min(2 * pause, 200)) {
      const blockers = await blockersOf(observer, worker);
      if (blockers.length > 0) last = blockers;
      await sleep(pause, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })().catch(() => {});
  return {
    async stop() {
      stopped.abort();
      await watching;
      return last;
    },
  };
}

function notHadInTime(blockers: Activity[], cause: unknown): DbopsError {
  return new DbopsError({
    code: 'LOCK.TABLE',
    exitCode: exitCodes.locked,
    message: 'Timed out waiting for a lock on a table; every attempt was rolled back.',
    reason: blockers.map(describeActivity),
    hint: 'Run the command again when they have finished, or with a longer --wait.',
    cause,
  });
}

/** @param condition SQL about a row `a` of `pg_stat_activity` */
export function activitiesWhere(session: Session, condition: string): Promise<Activity[]> {
  return session.query<Activity>(
    `SELECT ${activityColumns} FROM pg_stat_activity a WHERE ${condition}`,
  );
}

/** Returns the sessions that block the worker (`pg_blocking_pids`). */
export function blockersOf(session: Session, worker: Backend): Promise<Activity[]> {
  return activitiesWhere(
    session,
    `a.pid IN (SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_stat_activity w
                       WHERE ${isBackend(worker, 'w')})`,
  );
}
