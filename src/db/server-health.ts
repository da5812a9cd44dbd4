import type { Session } from './session.ts';

/**
 * Days of the last release of each major version (postgresql.org/support/versioning, read 2026-11); after it,
 * faults and vulnerabilities are not corrected.
 */
const lastReleases: ReadonlyMap<number, string> = new Map([
  [12, '2024-11-21'],
  [13, '2025-11-13'],
  [14, '2026-11-12'],
  [15, '2027-11-11'],
  [16, '2028-11-09'],
  [17, '2029-11-08'],
  [18, '2030-11-14'],
]);

/**
 * Returns the day of the last release of a major version if it is past.
 *
 * @param today as `2026-11-29`
 */
export function endOfLife(major: number, today: string): string | undefined {
  const day = lastReleases.get(major);
  return day !== undefined && day < today ? day : undefined;
}

/** Returns the settings without which a crash of the machine can destroy the cluster, and which are off. */
export async function unsafeSettings(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM (VALUES ('fsync'), ('full_page_writes')) s (name) WHERE current_setting(name) = 'off'`,
  );
  return rows.map(({ name }) => name);
}

/** Sessions of one role and application that keep a transaction open. */
export interface LongTransactions extends Record<string, unknown> {
  role: string;
  application: string;
  sessions: number;
  /** Of the oldest: process, and milliseconds since its BEGIN. */
  pid: number;
  age: number;
}

/** Replication sends hold no transaction of a client; the session that asks is left out. */
const transactions = `SELECT usename AS role, application_name AS application, count(*)::int AS sessions,
    (array_agg(pid ORDER BY xact_start))[1] AS pid,
    (extract(epoch FROM clock_timestamp() - min(xact_start)) * 1000)::float8 AS age
  FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND xact_start <= clock_timestamp() - $1 * interval '1 millisecond'
  GROUP BY usename, application_name ORDER BY usename COLLATE "C", application_name COLLATE "C"`;

/** Returns the transactions in this database that are open for longer than these milliseconds. */
export function longTransactions(session: Session, limit: number): Promise<LongTransactions[]> {
  return session.query<LongTransactions>(transactions, [limit]);
}

/** Returns whether sessions of other roles are hidden: their transactions need pg_read_all_stats. */
export async function hidesSessions(session: Session): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type IS NULL
       AND NOT pg_has_role('pg_read_all_stats', 'USAGE')`,
  );
  return rows.length > 0;
}

/** A transaction that PREPARE TRANSACTION left open. */
export interface PreparedTransaction extends Record<string, unknown> {
  name: string;
  owner: string;
  /** Milliseconds. */
  age: number;
}

/** Returns the prepared transactions of this database that are older than these milliseconds. */
export function preparedTransactions(
  session: Session,
  limit: number,
): Promise<PreparedTransaction[]> {
  return session.query<PreparedTransaction>(
    `SELECT gid AS name, owner, (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS age
       FROM pg_prepared_xacts WHERE database = current_database()
         AND prepared <= clock_timestamp() - $1 * interval '1 millisecond' ORDER BY gid COLLATE "C"`,
    [limit],
  );
}

/** A replication slot that nobody reads. */
export interface InactiveSlot extends Record<string, unknown> {
  name: string;
  isLogical: boolean;
  /** The server removed WAL that it needs: it can only be dropped. */
  isLost: boolean;
  /** Bytes of WAL that the server keeps for it; null where that is unknown. */
  retained: bigint | null;
  /** Milliseconds since it was last read (PostgreSQL 17); null on older servers. */
  age: number | null;
}

/**
 * A slot that reserves nothing retains nothing. On a standby, slots that are synchronised from the primary
 * (PostgreSQL 17) are inactive as intended.
 */
const slots = `SELECT slot_name AS name, slot_type = 'logical' AS "isLogical", wal_status = 'lost' AS "isLost",
    pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)::bigint AS retained,
    since.age
  FROM pg_replication_slots s CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz) * 1000)::float8 AS age) since
  WHERE NOT active AND NOT temporary AND coalesce(database, current_database()) = current_database()
    AND (restart_lsn IS NOT NULL OR xmin IS NOT NULL OR catalog_xmin IS NOT NULL OR wal_status = 'lost')
    AND NOT coalesce((to_jsonb(s) ->> 'synced')::boolean, false)
    AND coalesce(since.age >= $1, true)
  ORDER BY slot_name COLLATE "C"`;

/**
 * Returns the physical slots, and the logical ones of this database, that are inactive for longer than these
 * milliseconds; on servers before PostgreSQL 17, all that are inactive now.
 */
export function inactiveSlots(session: Session, limit: number): Promise<InactiveSlot[]> {
  return session.query<InactiveSlot>(slots, [limit]);
}
