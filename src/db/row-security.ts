import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { codeOf } from './connection-error.ts';
import { quoteIdentifier } from './quote.ts';
import { sqlstate } from './sqlstate.ts';
import type { Target } from './target.ts';

/**
 * SQL: in the rest of the transaction the server rejects a query from which a policy would hide rows,
 * instead of answering it with the rest of them (server manual, `row_security`). That holds for every
 * table that the query reaches: its subqueries, the functions that it calls and their triggers.
 */
export const readAllRows = 'SET LOCAL row_security = off';

/** Returns whether the server rejected a query because of `readAllRows`. */
export function hidesRows(error: unknown): boolean {
  // The message is translated, the function that reports it is not (server sources, `rls.c`).
  return (
    codeOf(error) === sqlstate.insufficientPrivilege &&
    fieldOf(error, 'routine') === 'check_enable_rls'
  );
}

function fieldOf(error: unknown, field: 'routine' | 'hint'): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, field) : undefined;
  return typeof value === 'string' ? value : undefined;
}

/**
 * Returns the error for a table whose rows a policy hides from the role (exit code 3), or nothing for
 * any other error.
 */
export function rowSecurityError(error: unknown, target?: Target): DbopsError | undefined {
  if (!hidesRows(error)) return undefined;
  const role = target?.kind === 'postgres' ? quoteIdentifier(target.user) : 'CURRENT_USER';
  // The server adds a hint if the role owns the table, which then has FORCE ROW LEVEL SECURITY.
  const isOwner = fieldOf(error, 'hint') !== undefined;
  const table = /"([^]+)"/.exec(messageOf(error))?.[1];
  const forced = `To read them as its owner, lift FORCE for the time of the command: ALTER TABLE … NO FORCE ROW LEVEL SECURITY. Or have a superuser run: ALTER ROLE ${role} BYPASSRLS`;
  return new DbopsError({
    code: 'DATABASE.ROW_SECURITY',
    exitCode: exitCodes.unreachable,
    message: `Row-level security hides rows of ${table ?? 'a table'} from this role${isOwner ? ', although it owns the table (FORCE ROW LEVEL SECURITY)' : ''}.`,
    reason: [`SQLSTATE ${sqlstate.insufficientPrivilege}: ${messageOf(error)}`],
    hint: isOwner
      ? forced
      : `Connect as a role with BYPASSRLS, or have a superuser run: ALTER ROLE ${role} BYPASSRLS. The owner of the table sees all rows only without FORCE (ALTER TABLE … NO FORCE ROW LEVEL SECURITY).`,
    cause: error,
  });
}
