import { relative } from 'node:path';
import { failedStatementOf } from '../../formats/shared/module-connection.ts';
import { codeOf, isConnectionLoss } from '../../db/connection-error.ts';
import { engineLossOf } from '../../db/engine-error.ts';
import { isRefusal, readOnlyHint } from '../../db/refusal.ts';
import { rowSecurityError } from '../../db/row-security.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import { offsetOfStatement, showPlace } from '../../sql/error-position.ts';
import { replicaIdentityRemedy } from '../../sql/replica-identity.ts';
import type { FailurePoint } from '../send-migration.ts';
import type { RunningStep } from '../step.ts';
import { formatCountOf } from '../../output/number.ts';
import { failureLines } from './failure-lines.ts';

interface Failure {
  step: RunningStep;
  cause: unknown;
  point?: FailurePoint | undefined;
  /** What is committed of the file after the failure, in a sentence. */
  aftermath: string;
}

/** SQLSTATEs of objects that already exist (server manual, appendix "PostgreSQL Error Codes"). */
export const duplicates: ReadonlySet<string> = new Set([
  sqlstate.duplicateSchema,
  sqlstate.duplicateTable,
  sqlstate.duplicateColumn,
  sqlstate.duplicateObject,
  sqlstate.duplicateFunction,
]);

/**
 * Explains a failed migration: file, line, the statement with a caret, SQLSTATE, the rows that
 * caused the failure, and the fix. Called after the rollback, because it reads the rows.
 */
export async function migrationFailed(failure: Failure): Promise<DbopsError> {
  const { step, cause, point, aftermath } = failure;
  const { file } = step.script;
  const offset = point && (point.offset ?? (await offsetOfStatement(point.sql, point.completed)));
  const lost = isConnectionLoss(cause);
  const isEmbedded = engineLossOf(cause) !== undefined;
  const { code = 'MIGRATION.FAILED', reason = [], hint } = await explain(failure);
  return new DbopsError({
    code,
    exitCode: (lost && !isEmbedded) || isRefusal(cause) ? exitCodes.unreachable : exitCodes.failed,
    message: `${step.migration.name} ${lost && !isEmbedded ? 'lost its connection' : 'failed'}. ${aftermath}`,
    reason: [...showPlace(file, point?.sql ?? '', offset), ...failureLines(cause), ...reason],
    hint,
    cause,
  });
}

interface FailureExplanation {
  /** Absent: `MIGRATION.FAILED`. */
  code?: string;
  reason?: string[];
  hint: string;
}

/** The server lists in the detail what depends on an object, one a line (server manual, "Dependency Tracking"). */
function dependentsHint(cause: unknown, again: string): string {
  const { detail = '' } = cause as { detail?: string };
  const names = detail
    .split('\n')
    .flatMap((line) => (/ depends on /.test(line) ? line.replace(/ depends on .*/, '') : []));
  const shown =
    names.length > 0
      ? `: ${names.slice(0, mostNames).join(', ')}${names.length > mostNames ? ', …' : ''}`
      : '';
  const count = names.length > 0 ? formatCountOf(names.length, 'object') : 'Other objects';
  return `${count} that this migration did not create ${names.length === 1 ? 'is' : 'are'} in the way${shown}. Drop or change ${names.length === 1 ? 'it' : 'them'}, then: ${again}`;
}

const mostNames = 5;

async function explain({ step, cause, point }: Failure): Promise<FailureExplanation> {
  const { run } = step;
  const again = `dbops migrate ${step.direction}`;
  if (step.direction === 'up' && duplicates.has(codeOf(cause))) {
    const { createdTwice } = await import('./created-twice.ts');
    return (await createdTwice(step, cause, point)) ?? isThere(step, again);
  }
  const hidden = rowSecurityError(cause, run.session.target);
  if (hidden) return { reason: [hidden.message], hint: `${hidden.hint}; then: ${again}` };
  const [{ violationsOf }, { describeViolations, wayOut }] = await Promise.all([
    import('./constraint-violation.ts'),
    import('./describe-violation.ts'),
  ]);
  const [first, ...further] = await violationsOf(run.session, cause, {
    completed: 0,
    ...point,
  });
  if (!first) return { hint: await hintFor(cause, step, again, point) };
  const place = {
    migration: step.migration.name,
    again,
    splittable: splittableFile(step),
    backfillOf: (await run.backfillOf?.()) ?? (() => undefined),
  };
  return {
    reason: describeViolations([first, ...further]),
    hint: wayOut(first, further, place),
  };
}

/** Only the last migration can be split: its constraints move behind it. */
function splittableFile({ run, migration, direction, script }: RunningStep): string | undefined {
  const isLast = run.folder.migrations.at(-1)?.name === migration.name;
  if (direction === 'down' || script.kind !== 'sql' || !isLast) return undefined;
  return relative(process.cwd(), script.file);
}

/**
 * The schema may be ahead of the tracking table: applied by hand, or by a tool that recorded no
 * row.
 */
function isThere(step: RunningStep, again: string): FailureExplanation {
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

/** The failed statement lacks a privilege of the role that the file had set, if any. */
async function hintToGrant(
  cause: unknown,
  { run, direction }: RunningStep,
  point: FailurePoint | undefined,
  again: string,
): Promise<string> {
  const { splitStatements } = await import('../../sql/statements.ts');
  const statements = point ? await splitStatements(point.sql).catch(() => []) : [];
  const at = statements.findIndex(({ offset }) => offset === point?.offset);
  const failing = at < 0 ? (point?.completed ?? 0) : at;
  const sql = failedStatementOf(cause)?.sql ?? statements[failing]?.sql;
  const role = roleSetIn(statements.slice(0, failing).map((each) => each.sql));
  const { missingGrants } = await import('../../sql/missing-grants.ts');
  const grants = sql && (await missingGrants(run.session, sql, { role }).catch(() => undefined));
  return grants
    ? `Connect as the owner, or have the owner run: ${grants} Then: dbops migrate ${direction}`
    : `Grant the privilege to this role, or connect as the owner, then: ${again}`;
}

/** Returns the role that the last `SET ROLE` of a script sets. */
function roleSetIn(statements: readonly string[]): string | undefined {
  const set =
    /^\s*set\s+(?:local\s+|session\s+)?role\s+(?:to\s+|=\s*)?(?:"((?:[^"]|"")+)"|'([^']+)'|(\w+))/i;
  const last = statements.map((sql) => set.exec(sql)).findLast((found) => found !== null);
  const [, quoted, literal, plain] = last ?? [];
  const name = quoted?.replaceAll('""', '"') ?? literal ?? plain?.toLowerCase();
  return name === 'none' || name === 'default' ? undefined : name;
}

async function hintFor(
  cause: unknown,
  step: RunningStep,
  again: string,
  point: FailurePoint | undefined,
): Promise<string> {
  const file = relative(process.cwd(), step.script.file);
  const code = codeOf(cause);
  if (code === sqlstate.activeSqlTransaction)
    return `Put "-- dbops: no-transaction" on the first line of ${file}, then: ${again}`;
  if (code === sqlstate.insufficientPrivilege) return hintToGrant(cause, step, point, again);
  if (isRefusal(cause)) return readOnlyHint();
  if (isConnectionLoss(cause)) return 'To see what is applied: dbops migrate status';
  const remedy = replicaIdentityRemedy(cause);
  if (remedy !== undefined) return `${remedy} Then: ${again}`;
  if (code === sqlstate.diskFull) return `Free disk space, then: ${again}`;
  const { missingOnServer, provide } = await import('./missing-on-server.ts');
  const missing = missingOnServer(cause);
  if (missing) return provide(missing, step.run.session.server.kind, again);
  if (code === sqlstate.dependentObjectsStillExist) return dependentsHint(cause, again);
  if (step.isGenerated)
    return `The generated rollback does not fit this database. Write a down migration for ${step.migration.name}, starting from: dbops migrate down --dry-run`;
  return `Correct ${file}, then: ${again}`;
}
