import { codeOf } from '../db/connection-error.ts';
import { ownPath, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { Subject } from './resolve-target.ts';

/**
 * SQL: with whose rights, and under which path, the functions of a backfill's triggers run.
 *
 * As a rule they run with the rights of whoever writes the row, under the path for which the
 * expressions were written. Only where a role may write the table but not read the source (or a policy
 * hides rows of either) do they run with those of their owner: then under the path of dbops, because
 * whoever can create an operator in a schema of another path would have it called with these rights
 * (server manual, "Writing SECURITY DEFINER Functions Safely"). Where the expressions mean nothing
 * under that path, the rights stay those of the writer: rows that it inserts are filled by the
 * backfill itself.
 *
 * @param trial a query with the expressions
 */
export async function securityOf(
  session: Session,
  subject: Subject,
  trial: string,
): Promise<string> {
  if ((await needsOwner(session, subject)) && (await fitsOwnPath(session, trial)))
    return `SECURITY DEFINER SET search_path = ${ownPath}`;
  const [row] = await underUserPath<{ path: string }>(
    session,
    `SELECT pg_catalog.current_setting('search_path') AS path`,
  );
  return `SECURITY INVOKER SET search_path = ${[row?.path, 'pg_temp'].filter(Boolean).join(', ')}`;
}

async function needsOwner(session: Session, { table, column, from }: Subject): Promise<boolean> {
  const [row] = await session.query<{ needed: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class WHERE oid IN ($1::regclass, $2::regclass) AND relrowsecurity)
         OR EXISTS (SELECT FROM pg_roles r, LATERAL (SELECT
              has_any_column_privilege(r.oid, $1::regclass, 'UPDATE') AS changes,
              has_any_column_privilege(r.oid, $1::regclass, 'INSERT') AS adds) may
             WHERE NOT r.rolsuper AND r.rolname !~ '^pg_'
               AND (may.changes AND NOT has_column_privilege(r.oid, $1::regclass, $3, 'UPDATE')
                 OR (may.changes OR may.adds) AND NOT has_table_privilege(r.oid, $2::regclass, 'SELECT'))) AS needed`,
    [table, from?.table ?? null, column],
  );
  return row?.needed ?? false;
}

async function fitsOwnPath(session: Session, trial: string): Promise<boolean> {
  try {
    await session.query(trial);
    return true;
  } catch (error) {
    if (!codeOf(error).startsWith('42')) throw error;
    return false;
  }
}
