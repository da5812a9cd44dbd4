import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';

/** What the server can tell of how it fares. */

export interface LoadLimits {
  /** Milliseconds that a replica may be behind. */
  maxLag: number;
  /** Bytes a second. */
  maxWalRate: number;
  /** SQL: pause while it holds. */
  pauseWhen?: string;
}

/** Looked at several times a second. */
export interface Quick {
  pausedBy: string | null;
  isPaused: boolean;
  /** Sessions that wait for a lock of ours. */
  waiters: number;
  /** Bytes of WAL that were ever written. */
  wal: number;
}

export async function readQuick(
  session: Session,
  name: string,
  pids: readonly number[],
): Promise<Quick | undefined> {
  const [row] = await session.query<Quick & Record<string, unknown>>(
    `SELECT paused_by AS "pausedBy", paused_at IS NOT NULL AS "isPaused",
            (SELECT count(*)::int FROM pg_stat_activity a
              WHERE a.wait_event_type = 'Lock' AND pg_blocking_pids(a.pid) && $2::int[]) AS waiters,
            pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal
       FROM dbops.backfills WHERE name = $1`,
    [name, pids],
  );
  return row;
}

/** @throws usage error when the server can't make sense of the condition */
export async function probeCondition(session: Session, { pauseWhen }: LoadLimits): Promise<void> {
  if (pauseWhen === undefined) return;
  await session.query(`EXPLAIN SELECT (${pauseWhen}\n)::boolean`).catch((error: unknown) => {
    if (!codeOf(error).startsWith('42')) throw error;
    throw usageError(
      'BACKFILL.PAUSE_WHEN',
      `--pause-when can not be used: ${error instanceof Error ? error.message : String(error)}.`,
      'Correct it; a query stands in parentheses, such as (SELECT count(*) > 50 FROM pg_stat_activity).',
      [`SQLSTATE ${codeOf(error)}`, pauseWhen],
    );
  });
}

/** Looked at every other second. */
export interface Slow {
  /** Milliseconds that the slowest replica is behind. */
  lag: number;
  /** An autovacuum of one of the tables that has run for long. */
  autovacuum: string | null;
  /** Who keeps dead rows from being taken away. */
  pinnedBy: string | null;
  pauseWhen: boolean;
}

/** Milliseconds: an autovacuum that is older competes for the table's pages. */
const longVacuum = 60_000;
/** Milliseconds: what is younger than that will be gone soon. */
const longSnapshot = 3_000;

/** Nothing is read of other users' sessions without `pg_monitor`; what is not seen holds nothing up. */
export async function readSlow(
  session: Session,
  relations: readonly number[],
  own: readonly number[],
  { pauseWhen }: LoadLimits,
): Promise<Slow> {
  const [row] = await session.query<Slow & Record<string, unknown>>(
    `SELECT coalesce((SELECT max(1000 * extract(epoch FROM replay_lag)) FROM pg_stat_replication
                       WHERE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > 16777216), 0)::float8 AS lag,
            (SELECT format('%s, since %s s', p.relid::regclass, extract(epoch FROM now() - a.xact_start)::int)
               FROM pg_stat_progress_vacuum p JOIN pg_stat_activity a USING (pid)
              WHERE p.relid = ANY($1::oid[]) AND a.backend_type = 'autovacuum worker'
                AND a.xact_start < now() - $3 * interval '1 ms' LIMIT 1) AS autovacuum,
            (${pinning}) AS "pinnedBy",
            ${pauseWhen === undefined ? 'false' : `coalesce((${pauseWhen}\n)::boolean, false)`} AS "pauseWhen"`,
    [relations, own, longVacuum, longSnapshot],
  );
  return row ?? { lag: 0, autovacuum: null, pinnedBy: null, pauseWhen: false };
}

/** What holds the horizon of a table back: sessions of its database, replicas, slots, prepared transactions. */
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
