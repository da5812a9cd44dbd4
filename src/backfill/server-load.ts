import { codeOf } from '../db/connection-error.ts';
import { underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { messageOf, usageError } from '../errors.ts';

/** Loads of the server above which a run pauses or slows down. */
export interface LoadLimits {
  /** Milliseconds of replica lag. */
  maxLag: number;
  /** Bytes per second. */
  maxWalRate: number;
  /** SQL condition: pause while it is true. */
  pauseWhen?: string;
}

/** What is read several times a second. */
export interface QuickLoad {
  pausedBy: string | null;
  isPaused: boolean;
  /** Sessions that wait for a lock of this run. */
  waiters: number;
  /** Position in the WAL, in bytes. */
  wal: number;
}

export async function readQuick(
  session: Session,
  name: string,
  pids: readonly number[],
): Promise<QuickLoad | undefined> {
  const [row] = await session.query<QuickLoad & Record<string, unknown>>(
    `SELECT paused_by AS "pausedBy", paused_at IS NOT NULL AS "isPaused",
            (SELECT count(*)::int FROM pg_stat_activity a
              WHERE a.wait_event_type = 'Lock' AND pg_blocking_pids(a.pid) && $2::int[]) AS waiters,
            pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal
       FROM dbops.backfills WHERE name = $1`,
    [name, pids],
  );
  return row;
}

/**
 * Commits a message that nothing reads, and returns how many milliseconds the commit took: it waits
 * for the disk as the commits of an application do. Writes no row, so that nothing has to be vacuumed.
 *
 * @returns undefined for a role that may not write the message
 */
export async function measureCommit(session: Session): Promise<number | undefined> {
  const started = performance.now();
  try {
    await session.query(`SELECT pg_logical_emit_message(true, 'dbops', '')`);
    return performance.now() - started;
  } catch (error) {
    if (codeOf(error) !== sqlstate.insufficientPrivilege) throw error;
    return undefined;
  }
}

/** Checks the condition. @throws usage error when the server rejects it */
export async function probeCondition(session: Session, { pauseWhen }: LoadLimits): Promise<void> {
  if (pauseWhen === undefined) return;
  const explain = `EXPLAIN SELECT (${pauseWhen}\n)::boolean`;
  await underUserPath(session, explain).catch((error: unknown) => {
    if (!codeOf(error).startsWith('42')) throw error;
    throw usageError(
      'BACKFILL.PAUSE_WHEN',
      `Invalid --pause-when: ${messageOf(error)}.`,
      'Put a query in parentheses, such as (SELECT count(*) > 50 FROM pg_stat_activity).',
      [`SQLSTATE ${codeOf(error)}`, pauseWhen],
    );
  });
}

/** What is read every other second. */
export interface SlowLoad {
  /** Milliseconds that the slowest replica lags behind. */
  lag: number;
  /** A long-running autovacuum of one of the tables. */
  autovacuum: string | null;
  /** What holds back the xmin horizon, so that dead rows cannot be removed. */
  pinnedBy: string | null;
  pauseWhen: boolean;
}

/** Milliseconds after which an autovacuum competes for the table's pages. */
const longVacuum = 60_000;
/** Milliseconds after which a transaction counts as long. */
const longSnapshot = 3_000;

/** Without `pg_monitor` other users' sessions are invisible and do not slow the run down. */
export async function readSlow(
  session: Session,
  relations: readonly number[],
  own: readonly number[],
  { pauseWhen }: LoadLimits,
): Promise<SlowLoad> {
  const [row] = await session.query<Omit<SlowLoad, 'pauseWhen'> & Record<string, unknown>>(
    `SELECT coalesce((SELECT max(1000 * extract(epoch FROM replay_lag)) FROM pg_stat_replication
                       WHERE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > 16777216), 0)::float8 AS lag,
            (SELECT format('%s, since %s s', p.relid::regclass, extract(epoch FROM now() - a.xact_start)::int)
               FROM pg_stat_progress_vacuum p JOIN pg_stat_activity a USING (pid)
              WHERE p.relid = ANY($1::oid[]) AND a.backend_type = 'autovacuum worker'
                AND a.xact_start < now() - $3 * interval '1 ms' LIMIT 1) AS autovacuum,
            (${pinning}) AS "pinnedBy"`,
    [relations, own, longVacuum, longSnapshot],
  );
  const known = row ?? { lag: 0, autovacuum: null, pinnedBy: null };
  return { ...known, pauseWhen: await holds(session, pauseWhen) };
}

async function holds(session: Session, condition: string | undefined): Promise<boolean> {
  if (condition === undefined) return false;
  const sql = `SELECT coalesce((${condition}\n)::boolean, false) AS holds`;
  const [row] = await underUserPath<{ holds: boolean }>(session, sql);
  return row?.holds ?? false;
}

/** SQL: what holds back the xmin horizon: sessions, replicas, slots and prepared transactions. */
const pinning = `SELECT who FROM (
    SELECT format('pid %s (%s, %s for %s s)', pid, coalesce(nullif(application_name, ''), 'no application name'),
                  state, extract(epoch FROM now() - xact_start)::int) AS who, xact_start AS since
      FROM pg_stat_activity
     WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid() AND pid <> ALL($2::int[])
       AND (datname = current_database() OR backend_type = 'walsender')
       AND coalesce(backend_type, '') NOT LIKE 'autovacuum%'
       AND xact_start < now() - $4 * interval '1 ms'
    UNION ALL
    SELECT format('the replication slot %s', slot_name), NULL FROM pg_replication_slots
     WHERE xmin IS NOT NULL AND age(xmin) > 10000
    UNION ALL
    SELECT format('the prepared transaction %s', gid), prepared FROM pg_prepared_xacts
     WHERE database = current_database() AND prepared < now() - $4 * interval '1 ms'
  ) AS pin ORDER BY since NULLS LAST LIMIT 1`;
