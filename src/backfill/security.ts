import { codeOf } from '../db/connection-error.ts';
import { ownPath, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';

/**
 * SQL: with whose rights, and under which path, the functions of a backfill's triggers run.
 *
 * Those that read another table run with the rights of their owner: who may write the table need not
 * be able to read the source. Their path is then that of dbops, because whoever can create an operator
 * in a schema of another path would have it called with these rights (server manual, "Writing SECURITY
 * DEFINER Functions Safely"). All others, and those whose expressions mean something else under that
 * path, have the rights of the writer and the path for which the expressions were written.
 *
 * @param trial a query with the expressions
 */
export async function securityOf(
  session: Session,
  { trial, readsSource }: { trial: string; readsSource: boolean },
): Promise<string> {
  if (readsSource && (await meansTheSame(session, trial)))
    return `SECURITY DEFINER SET search_path = ${ownPath}`;
  const [row] = await underUserPath<{ path: string }>(
    session,
    `SELECT pg_catalog.current_setting('search_path') AS path`,
  );
  return `SECURITY INVOKER SET search_path = ${[row?.path, 'pg_temp'].filter(Boolean).join(', ')}`;
}

/** Plans show which operator was meant: a name under another path shows its schema, or a cast. */
async function meansTheSame(session: Session, trial: string): Promise<boolean> {
  const sql = `EXPLAIN (VERBOSE, COSTS OFF) ${trial}`;
  type Line = Record<string, string>;
  try {
    const own = await session.query<Line>(sql);
    const users = await underUserPath<Line>(session, sql);
    return JSON.stringify(own) === JSON.stringify(users);
  } catch (error) {
    if (!codeOf(error).startsWith('42')) throw error;
    return false;
  }
}
