import { codeOf } from '../../db/connection-error.ts';
import { rowSecurityError } from '../../db/row-security.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { ScriptError } from '../../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../../errors.ts';
import type { RescueRecord } from '../record.ts';

/** Returns the error for rows that the server rejected. */
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
    message: `Restoring the rescued rows failed: ${said}. The restore was rolled back; the rows remain in dbops_rescue.`,
    reason: [...(code ? [`SQLSTATE ${code}`] : []), ...copies],
    hint:
      code === sqlstate.diskFull
        ? 'Free disk space, then restore them: dbops rescue list'
        : 'See what conflicts, then try again: dbops rescue restore NAME --dry-run',
    cause,
  });
}
