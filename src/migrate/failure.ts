import { relative } from 'node:path';
import type { DatabaseError } from 'pg';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { excerpt } from '../sql/excerpt.ts';
import { lineOf, offsetOfCharacter, splitStatements, SqlSyntaxError } from '../sql/statements.ts';
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

/** The server's 1-based `position`, counted in characters of what was sent, as an offset of the file. */
export function offsetInFile(
  cause: unknown,
  sent: string,
  prefixLength: number,
): number | undefined {
  const position = Number((cause as { position?: string }).position);
  if (!position) return undefined;
  const offset = offsetOfCharacter(sent, position - 1) - prefixLength;
  return offset >= 0 ? offset : undefined;
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
  const file = relative(process.cwd(), step.script.file);
  const offset = point && (point.offset ?? (await offsetOfStatement(point)));
  const where =
    point && offset !== undefined
      ? [`${file}:${lineOf(point.sql, offset)}`, ...excerpt(point.sql, offset)]
      : [file];
  const lost = isConnectionLoss(cause);
  return new DbopsError({
    code: 'MIGRATION.FAILED',
    exitCode:
      lost || codeOf(cause) === insufficientPrivilege ? exitCodes.unreachable : exitCodes.failed,
    message: `${step.migration.name} ${lost ? 'lost its connection' : 'failed'}. ${aftermath}`,
    reason: [...where, ...serverSays(cause)],
    hint: hintFor(cause, file, step),
    cause,
  });
}

function serverSays(cause: unknown): string[] {
  const { code, detail, hint, where } = cause as Partial<DatabaseError>;
  const message = cause instanceof Error ? cause.message : String(cause);
  return [
    code ? `SQLSTATE ${code}: ${message}` : message,
    ...(detail ? [`Detail: ${detail}`] : []),
    ...(hint ? [`Hint: ${hint}`] : []),
    ...(where ? where.split('\n').map((line) => `In: ${line}`) : []),
  ];
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

/** For errors without a position (a violated constraint, say): where the failing statement begins. */
async function offsetOfStatement({ sql, completed }: FailurePoint): Promise<number | undefined> {
  try {
    const statement = (await splitStatements(sql))[completed];
    return statement?.offset;
  } catch (error) {
    if (error instanceof SqlSyntaxError) return error.offset;
    throw error;
  }
}
