import { relative } from 'node:path';
import { codeOf, isConnectionLoss } from '../../db/connection-error.ts';
import { engineLossOf } from '../../db/engine-error.ts';
import { isRefusal, readOnlyHint } from '../../db/refusal.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import { offsetOfStatement, serverSays, showPlace } from '../../sql/error-position.ts';
import { trackingSql, type Run, type Step } from '../step.ts';

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
  run: Run;
  cause: unknown;
  point?: FailurePoint | undefined;
  /** What of the file stands after the failure, in a sentence. */
  aftermath: string;
}

const insufficientPrivilege = '42501';
const activeTransaction = '25001';

/** What is there already (server manual, appendix "PostgreSQL Error Codes"). */
export const duplicates: ReadonlySet<string> = new Set([
  '42P06',
  '42P07',
  '42701',
  '42710',
  '42723',
]);

/**
 * Explains a failed migration: file, line, the statement with a caret, SQLSTATE, the rows that
 * forbid it, and the way out. Called after the rollback: it asks the database about the rows.
 */
export async function migrationFailed(failure: Failure): Promise<DbopsError> {
  const { step, cause, point, aftermath } = failure;
  const { file } = step.script;
  const offset = point && (point.offset ?? (await offsetOfStatement(point.sql, point.completed)));
  const lost = isConnectionLoss(cause);
  const isEmbedded = engineLossOf(cause) !== undefined;
  const { reason = [], hint } = await explain(failure);
  return new DbopsError({
    code: 'MIGRATION.FAILED',
    exitCode: (lost && !isEmbedded) || isRefusal(cause) ? exitCodes.unreachable : exitCodes.failed,
    message: `${step.migration.name} ${lost && !isEmbedded ? 'lost its connection' : 'failed'}. ${aftermath}`,
    reason: [...showPlace(file, point?.sql ?? '', offset), ...serverSays(cause), ...reason],
    hint,
    cause,
  });
}

interface Explained {
  reason?: string[];
  hint: string;
}

async function explain({ step, run, cause, point }: Failure): Promise<Explained> {
  const again = `dbops migrate ${step.direction}`;
  if (step.direction === 'up' && duplicates.has(codeOf(cause))) return isThere(step, run, again);
  const [{ violationsOf }, { describeViolations, wayOut }] = await Promise.all([
    import('./constraint-violation.ts'),
    import('./describe-violation.ts'),
  ]);
  const [first, ...further] = await violationsOf(run.session, cause, {
    completed: 0,
    ...point,
  });
  if (!first) return { hint: hintFor(cause, step, again) };
  const place = {
    migration: step.migration.name,
    again,
    backfillOf: run.backfillOf ?? (() => undefined),
  };
  return {
    reason: describeViolations([first, ...further]),
    hint: wayOut(first, further, place),
  };
}

/** The schema may be ahead of the tracking table: applied by hand, or by a tool that kept no row. */
function isThere(step: Step, run: Run, again: string): Explained {
  const { tracking, migrations } = run.folder;
  const isFirst = migrations[0]?.name === step.migration.name;
  return {
    reason: [
      'The database has it already: something else made it, or this migration was applied by hand',
      `or by another tool, and ${tracking.table} lacks its row.`,
    ],
    hint: isFirst
      ? `If the database has the schema and only the rows are missing: dbops migrate baseline`
      : `Let dbops prove how much of it is there, and record that: dbops repair-tracking\n    If you know that the database has all of it, record it, then: ${again}\n    ${trackingSql(run, step)};`,
  };
}

const diskFull = '53100';

function hintFor(cause: unknown, step: Step, again: string): string {
  const file = relative(process.cwd(), step.script.file);
  const code = codeOf(cause);
  if (code === activeTransaction)
    return `Put "-- dbops: no-transaction" on the first line of ${file}, then: ${again}`;
  if (code === insufficientPrivilege)
    return `Grant the right to this user, or connect as the owner, then: ${again}`;
  if (isRefusal(cause)) return readOnlyHint();
  if (isConnectionLoss(cause)) return 'See what stands with: dbops migrate status';
  if (code === diskFull) return `Free disk space, then: ${again}`;
  return `Correct ${file}, then: ${again}`;
}
