import { codeOf } from '../db/connection-error.ts';
import { withSavepoint, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import type { ServerActivity } from './live-facts.ts';

interface TransactionRow extends Record<string, unknown> {
  pid: number;
  seconds: number;
  role: string;
  application: string;
}

/** Bytes of WAL that an active slot may retain before it counts as lagging. */
const laggingBytes = 2 ** 30;

/**
 * A lock waits for the transactions of its own database only. Sessions of other roles show no
 * `xact_start` to a role without pg_read_all_stats.
 */
const longestTransaction = `SELECT pid, usename::text AS role, application_name AS application,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND backend_type = 'client backend'
  ORDER BY xact_start, pid LIMIT 1`;

/** On a standby, slots that are synchronised from the primary (PostgreSQL 17) are inactive as intended. */
const slots = `SELECT slot_name::text AS name FROM pg_replication_slots s
  WHERE NOT temporary AND NOT coalesce((to_jsonb(s) ->> 'synced')::boolean, false)
    AND (NOT active OR wal_status IN ('unreserved', 'lost')
      OR pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
        ELSE pg_current_wal_lsn() END, restart_lsn) > ${laggingBytes})
  ORDER BY slot_name COLLATE "C"`;

/**
 * An autovacuum yields to a lock that waits for it, unless it prevents wraparound (server manual, "The Autovacuum
 * Daemon"); only the text of its query shows that.
 */
const wraparoundVacuums = `SELECT n.nspname AS schema, c.relname AS name
  FROM pg_stat_activity a JOIN pg_stat_progress_vacuum p USING (pid)
    JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.backend_type = 'autovacuum worker' AND a.datname = current_database()
    AND a.query LIKE '%(to prevent wraparound)'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/**
 * Reads what is at work on the server, within a transaction. What the role may not see is left out: without
 * pg_monitor, the transactions and vacuums of others.
 */
export async function readActivity(session: Session): Promise<ServerActivity> {
  const [longest] = await ifAllowed<TransactionRow>(session, longestTransaction);
  const [prepared] = await ifAllowed<Count>(session, countOf('pg_prepared_xacts', ofDatabase));
  const [replicas] = await ifAllowed<Count>(session, countOf('pg_stat_replication'));
  const names = await ifAllowed<{ name: string }>(session, slots);
  return {
    ...(longest && { longestTransaction: longest }),
    preparedTransactions: prepared?.count ?? 0,
    replicas: replicas?.count ?? 0,
    slots: names.map(({ name }) => name),
    wraparoundVacuums: await ifAllowed<{ schema: string; name: string }>(
      session,
      wraparoundVacuums,
    ),
  };
}

type Count = { count: number };

const ofDatabase = 'WHERE database = current_database()';

function countOf(view: string, condition = ''): string {
  return `SELECT count(*)::int AS count FROM ${view} ${condition}`;
}

/** A hosting provider may have revoked the rights on a view. */
async function ifAllowed<R extends Record<string, unknown>>(
  session: Session,
  sql: string,
): Promise<R[]> {
  try {
    return await withSavepoint(session, () => session.query<R>(sql));
  } catch (error) {
    if (codeOf(error) !== sqlstate.insufficientPrivilege) throw error;
    return [];
  }
}
