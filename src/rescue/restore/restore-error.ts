import { codeOf } from '../../db/connection-error.ts';
import { rowSecurityError } from '../../db/row-security.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { ScriptError } from '../../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../../errors.ts';
import type { RescueRecord } from '../record.ts';

/** The error of rows that the server did not take back. */
export function restoreError(error: unknown, records: readonly RescueRecord[]): DbopsError {
  if (error instanceof DbopsError) return error;
  const cause = error instanceof ScriptError ? error.cause : error;
  const hidden = rowSecurityError(cause);
  if (hidden) return hidden;
  const said = messageOf(cause);
  const code = codeOf(cause);
  const copies = records.map(
    ({ id, loss }) => `dbops_rescue.copy_${id} (${loss.schema}.${loss.table})`,
  );
  return new DbopsError({
    code: 'RESCUE.RESTORE',
    exitCode: exitCodes.failed,
    message: `The kept rows were not put back: ${said}. That was rolled back; they are still in dbops_rescue.`,
    reason: [...(code ? [`SQLSTATE ${code}`] : []), ...copies],
    hint:
      code === sqlstate.diskFull
        ? 'Free disk space, then restore them: dbops rescue list'
        : 'Look at what is in their way, and try again: dbops rescue list, dbops rescue restore NAME --dry-run',
    cause,
  });
}
