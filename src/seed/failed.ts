import { codeOf } from '../db/connection-error.ts';
import { ScriptError } from '../db/session.ts';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { SeedSet } from './resolve.ts';

/** Returns the error of a write, with the name of the set. */
export function failed({ set }: { set: Pick<SeedSet, 'name' | 'label'> }, error: unknown): unknown {
  const cause = error instanceof ScriptError ? error.cause : error;
  const code = codeOf(cause);
  const isOther = !isSqlState(code) || code === sqlstate.insufficientPrivilege;
  const isLock = code === sqlstate.lockNotAvailable || code === sqlstate.deadlockDetected;
  if (cause instanceof DbopsError || isOther || isLock) return error;
  return new DbopsError({
    code: 'SEED.FAILED',
    exitCode: exitCodes.failed,
    message: `Seeding ${set.label} (seeds.${set.name}) failed; the transaction was rolled back.`,
    reason: [`${messageOf(cause)} (SQLSTATE ${code})`],
    hint: 'Fix the cause, then run: dbops seed',
    cause,
  });
}
