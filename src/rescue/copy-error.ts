import { codeOf } from '../db/connection-error.ts';
import { isRightMissing } from '../db/refusal.ts';
import { rowSecurityError } from '../db/row-security.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { ScriptError, statementOf, type Session } from '../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Cause } from './record.ts';

/** Whether the failed statement was about dbops's own schema, not about the table that is copied. */
function isOfCopies(cause: unknown): boolean {
  return /dbops_rescue/.test(statementOf(cause) ?? 'dbops_rescue');
}

/**
 * Returns the error of a copy that failed. It keeps the cause: a lock timeout is retried, and a
 * lost connection is reported as one.
 */
export function rescueError(error: unknown, { migration }: Cause, { target }: Session): unknown {
  const cause = error instanceof ScriptError ? error.cause : error;
  const code = codeOf(cause);
  if (error instanceof DbopsError || code === '' || /^(?:08|57)/.test(code)) return error;
  const hidden = rowSecurityError(cause, target);
  if (hidden) return hidden;
  const said = messageOf(cause);
  return new DbopsError({
    code: 'RESCUE.FAILED',
    exitCode: isRightMissing(cause) ? exitCodes.unreachable : exitCodes.failed,
    message: `${migration} would destroy rows that could not be copied to dbops_rescue: ${said}. It was rolled back; nothing was changed.`,
    reason: [`SQLSTATE ${code}`],
    hint: hintFor(cause, target),
    cause,
  });
}

function hintFor(cause: unknown, target: Session['target']): string {
  if (codeOf(cause) === sqlstate.diskFull)
    return 'Free disk space, then run the command again; or continue without a copy: --discard-data';
  if (!isRightMissing(cause))
    return 'Fix the cause and run the command again, or continue without a copy: --discard-data';
  if (!isOfCopies(cause))
    return 'Connect as the owner of the table, or continue without a copy: --discard-data';
  const role = target.kind === 'postgres' ? target.user : 'CURRENT_USER';
  return `Let the owner of the database run: CREATE SCHEMA dbops_rescue AUTHORIZATION ${role}; or continue without a copy: --discard-data`;
}
