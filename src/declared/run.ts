import type { QueryResultRow } from 'pg';
import { codeOf } from '../db/connection-error.ts';
import { readAllRows } from '../db/row-security.ts';
import { toOwnPath, toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { serverSays } from '../sql/error-position.ts';

/** Data exceptions: a division by zero, a value out of range, text that is not a number. */
const dataException = /^22/;

/**
 * Runs a statement that contains declared expressions, under the path of the role. Call it inside
 * `readOnly`, with expressions that were prepared. The SQL qualifies what it uses itself:
 * `OPERATOR(pg_catalog.=)`, `pg_catalog.count(*)`.
 *
 * @param place the part of the configuration that the expressions belong to
 * @throws usage error when an expression fails on a row
 */
export async function queryDeclared<R extends QueryResultRow>(
  session: Session,
  place: string,
  sql: string,
  values: unknown[] = [],
): Promise<R[]> {
  try {
    await session.script(`${toUserPath}; ${readAllRows}`);
    const rows = await session.query<R>(sql, values);
    await session.script(toOwnPath(session));
    return rows;
  } catch (error) {
    if (!dataException.test(codeOf(error))) throw error;
    throw usageError(
      'DECLARED.FAILED',
      `An expression of ${place} fails on a row of this database.`,
      `Correct the expression, or exclude the row with ${place}.where`,
      serverSays(error),
    );
  }
}
