import type { QueryResultRow } from 'pg';
import { readAllRows } from '../db/row-security.ts';
import { toUserPath, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';

/**
 * Runs one statement with expressions of a definition: under the path of the role, and over all rows.
 * A row of the source that a policy hides would make an orphan of the row that refers to it.
 */
export function readDefined<R extends QueryResultRow>(
  session: Pick<Session, 'client' | 'path'>,
  sql: string,
): Promise<R[]> {
  return underUserPath<R>(session, sql, `${toUserPath}; ${readAllRows}`);
}
