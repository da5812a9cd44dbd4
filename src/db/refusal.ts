import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { codeOf } from './connection-error.ts';
import { quoteIdentifier } from './quote.ts';
import { rowSecurityError } from './row-security.ts';
import { sqlstate } from './sqlstate.ts';
import type { Target } from './target.ts';

/** Returns whether the server denied the role a privilege. */
export function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  return code === sqlstate.insufficientPrivilege || code === sqlstate.readOnlySqlTransaction;
}

export function isRightMissing(error: unknown): boolean {
  return codeOf(error) === sqlstate.insufficientPrivilege;
}

/**
 * Returns the error for a missing privilege or a read-only database (exit code 3), or undefined for
 * any other error.
 * @param table the table that was read, as `schema.table`, where it is known: the server's message
 *   may omit the schema or the table
 */
export function refusal(
  error: unknown,
  target: Target | undefined,
  table?: string,
): DbopsError | undefined {
  const code = codeOf(error);
  const said = messageOf(error);
  const role = target?.kind === 'postgres' ? word(target.user) : 'CURRENT_USER';
  const explained = { exitCode: exitCodes.unreachable, reason: [`SQLSTATE ${code}`], cause: error };
  if (code === sqlstate.diskFull)
    return new DbopsError({
      ...explained,
      exitCode: exitCodes.failed,
      code: 'DATABASE.DISK_FULL',
      message: `The disk of the database is full: ${said}.`,
      hint: 'Free disk space, then run the command again. What was not committed is rolled back.',
    });
  if (code === sqlstate.readOnlySqlTransaction)
    return new DbopsError({
      ...explained,
      code: 'DATABASE.READ_ONLY',
      message: `The database is read-only for this role: ${said}.`,
      hint: readOnlyHint(role),
    });
  if (code !== sqlstate.insufficientPrivilege) return undefined;
  const hidden = rowSecurityError(error, target);
  if (hidden) return hidden;
  const grants = table ? grantsToRead(table, role) : grantsFor(said, role);
  return new DbopsError({
    ...explained,
    code: 'DATABASE.RIGHT',
    message: `A privilege is missing: ${said}.`,
    hint: grantHint(grants),
  });
}

/** Returns the hint for a missing privilege. @param grants SQL, where it is known */
export function grantHint(grants: string | undefined): string {
  return grants
    ? `Connect as the owner, or have the owner run: ${grants}`
    : 'Connect as the owner, or have the owner grant it; dbops doctor shows what is missing.';
}

/** @param role as SQL */
export function readOnlyHint(role = 'ROLE'): string {
  return `If this is a replica (see dbops doctor), use the URL of the primary. Otherwise the role or the database is set to read-only: ALTER ROLE ${role} RESET default_transaction_read_only;`;
}

/** Returns the GRANT statements that a role needs to read a tracking table. */
function grantsToRead(table: string, role: string): string {
  const schema = table.slice(0, Math.max(0, table.lastIndexOf('.')));
  const usage = schema ? `GRANT USAGE ON SCHEMA ${schema} TO ${role}; ` : '';
  return `${usage}GRANT SELECT ON ${table} TO ${role}; (migrate up also needs INSERT, UPDATE and DELETE)`;
}

/** The server names the missing privilege only in its message (`aclcheck_error` in `aclchk.c`). */
function grantsFor(message: string, role: string): string | undefined {
  const [, kind, name = ''] =
    /denied for (schema|table|sequence|database) (.+)$/.exec(message) ?? [];
  if (kind === 'schema' && name === 'dbops')
    return `GRANT USAGE ON SCHEMA dbops TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA dbops TO ${role}; for commands that write, also: GRANT CREATE ON SCHEMA dbops TO ${role}; GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dbops TO ${role};`;
  if (kind === 'schema') return `GRANT USAGE, CREATE ON SCHEMA ${word(name)} TO ${role};`;
  if (kind === 'database') return `GRANT CREATE ON DATABASE ${word(name)} TO ${role};`;
  if (kind === 'table')
    return `GRANT SELECT, INSERT, UPDATE, DELETE ON ${word(name)} TO ${role}; (with its schema before the name)`;
  return kind && `GRANT USAGE, SELECT ON SEQUENCE ${word(name)} TO ${role};`;
}

/** Returns a name as SQL, quoted only where necessary. */
function word(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}
