import { relative } from 'node:path';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { offsetOfStatement, serverSays, showPlace } from '../sql/failure-place.ts';
import type { Step } from './step.ts';

/** Where in the file it went wrong. */
export interface FailurePoint {
  /** The text of the file as it was sent. */
  sql: string;
  /** Statements of the file that completed before the failing one. */
  completed: number;
  /** 0-based offset of the error, where the server gave one. */
  offset?: number | undefined;
}

interface Failure {
  step: Step;
  cause: unknown;
  point?: FailurePoint | undefined;
  /** What of the file stands after the failure, in a sentence. */
  aftermath: string;
}

const insufficientPrivilege = '42501';
const activeTransaction = '25001';

/** Explains a failed migration: file, line, the statement with a caret, SQLSTATE, hint. */
export async function migrationFailed({
  step,
  cause,
  point,
  aftermath,
}: Failure): Promise<DbopsError> {
  const { file } = step.script;
  const offset = point && (point.offset ?? (await offsetOfStatement(point.sql, point.completed)));
  const lost = isConnectionLoss(cause);
  return new DbopsError({
    code: 'MIGRATION.FAILED',
    exitCode:
      lost || codeOf(cause) === insufficientPrivilege ? exitCodes.unreachable : exitCodes.failed,
    message: `${step.migration.name} ${lost ? 'lost its connection' : 'failed'}. ${aftermath}`,
    reason: [...showPlace(file, point?.sql ?? '', offset), ...serverSays(cause)],
    hint: hintFor(cause, relative(process.cwd(), file), step),
    cause,
  });
}

function hintFor(cause: unknown, file: string, step: Step): string {
  const again = `dbops migrate ${step.direction}`;
  const code = codeOf(cause);
  if (code === activeTransaction)
    return `Put "-- dbops: no-transaction" on the first line of ${file}, then: ${again}`;
  if (code === insufficientPrivilege)
    return `Grant the right to this user, or connect as the owner, then: ${again}`;
  if (isConnectionLoss(cause)) return 'See what stands with: dbops migrate status';
  return `Correct ${file}, then: ${again}`;
}
