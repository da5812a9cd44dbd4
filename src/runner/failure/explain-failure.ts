import { relative } from 'node:path';
import { codeOf, isConnectionLoss } from '../../db/connection-error.ts';
import { engineLossOf } from '../../db/engine-error.ts';
import { isRefusal, readOnlyHint } from '../../db/refusal.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import { offsetOfStatement, serverSays, showPlace } from '../../sql/error-position.ts';
import type { FailurePoint } from '../send-migration.ts';
import type { RunningStep, Step } from '../step.ts';

interface Failure {
  step: RunningStep;
  cause: unknown;
  point?: FailurePoint | undefined;
  /** What remains applied after the failure, in a sentence. */
  aftermath: string;
}

/** The object already exists (server manual, appendix "PostgreSQL Error Codes"). */
export const duplicates: ReadonlySet<string> = new Set([
  sqlstate.duplicateSchema,
  sqlstate.duplicateTable,
  sqlstate.duplicateColumn,
  sqlstate.duplicateObject,
  sqlstate.duplicateFunction,
]);

/**
 * Explains a failed migration: file, line, the statement with a caret, SQLSTATE, the rows that
 * forbid it, and the fix. Called after the rollback: it asks the database about the rows.
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

async function explain({ step, cause, point }: Failure): Promise<Explained> {
  const { run } = step;
  const again = `dbops migrate ${step.direction}`;
  if (step.direction === 'up' && duplicates.has(codeOf(cause))) return isThere(step, again);
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
function isThere(step: RunningStep, again: string): Explained {
  const { tracking, migrations } = step.run.folder;
  const isFirst = migrations[0]?.name === step.migration.name;
  return {
    reason: [
      'The object already exists: something else created it, or this migration was applied by hand',
      `or by another tool and ${tracking.table} has no row for it.`,
    ],
    hint: isFirst
      ? `If the database has the schema and only the tracking rows are missing: dbops migrate baseline`
      : `To prove what is applied and record it: dbops repair-tracking\n    If you know that all of it is applied, record it with the statement below, then: ${again}\n    ${step.rowSql};`,
  };
}

function hintFor(cause: unknown, step: Step, again: string): string {
  const file = relative(process.cwd(), step.script.file);
  const code = codeOf(cause);
  if (code === sqlstate.activeSqlTransaction)
    return `Put "-- dbops: no-transaction" on the first line of ${file}, then: ${again}`;
  if (code === sqlstate.insufficientPrivilege)
    return `Grant the privilege to this role, or connect as the owner, then: ${again}`;
  if (isRefusal(cause)) return readOnlyHint();
  if (isConnectionLoss(cause)) return 'To see what is applied: dbops migrate status';
  if (code === sqlstate.diskFull) return `Free disk space, then: ${again}`;
  return `Correct ${file}, then: ${again}`;
}
