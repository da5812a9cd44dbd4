import { hash } from 'node:crypto';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { withLockRetries } from '../db/lock.ts';
import { resetSettings } from '../db/search-path.ts';
import { ScriptError } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import { splitParts, type Part } from '../sql/execution.ts';
import { namedTables } from '../sql/statements.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { SqlSyntaxError } from '../sql/statements.ts';
import {
  createCheckpoints,
  dropCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  type CheckpointedStep,
} from './checkpoint.ts';
import type { Checkpoint } from './checkpoint-row.ts';
import { migrationFailed } from './failure/explain-failure.ts';
import { remainsOf } from './after-connection-loss.ts';
import { guardAfter, guardBefore } from './with-row-guard.ts';
import { settingsBefore } from './preflight.ts';
import { commitsItself, runCommitting } from './self-committing.ts';
import { runAlone } from './run-concurrently.ts';
import { resetRole, scriptOf, resetSession, type RunningStep } from './step.ts';
import {
  askedLater,
  assertSameFile,
  refuseUnknownEnd,
  standing,
  stoppedBetween,
  type SplitFile,
} from './describe-progress.ts';
import { rollback } from './in-transaction.ts';

/**
 * Runs a file outside a transaction: each part in a transaction of its own together with its
 * checkpoint, or alone where the server requires it. An interrupted run is resumed at the part
 * where it stopped.
 * @throws DbopsError that lists the committed statements
 */
export async function runStepwise(step: RunningStep, source: string): Promise<void> {
  const parts = await split(step, source);
  const file: SplitFile = { step, source, hash: hashOf(source), parts, done: 0, isPartial: false };
  const from = await setUp(file);
  await guardBefore(step);
  try {
    await runParts(file, from);
    await guardAfter(step);
    await record(step);
  } catch (error) {
    if (error instanceof DbopsError || !isOfDatabase(error)) throw error;
    const { isDone, aftermath } = await whatStands(file, error);
    if (!isDone) throw await failed(file, error, aftermath);
  }
}

/** Other line endings are not an edit. */
function hashOf(source: string): string {
  return hash('sha256', source.replaceAll('\r\n', '\n'));
}

async function split(step: RunningStep, source: string): Promise<Part[]> {
  try {
    return await splitParts(source);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const point = { sql: source, completed: 0, offset: error.offset };
    throw await migrationFailed({
      step,
      cause: error,
      point,
      aftermath: 'Nothing of it was run.',
    });
  }
}

/** Creates the table of checkpoints, and reads where an earlier run stopped. */
async function setUp(file: SplitFile): Promise<Checkpoint | undefined> {
  const { step } = file;
  const from = await look(step).catch(async (error: unknown) => {
    if (!isOfDatabase(error)) throw error;
    const aftermath = 'Nothing more of it was run: it needs a table of checkpoints first.';
    throw await migrationFailed({ step, cause: causeOf(error), aftermath });
  });
  if (from) assertSameFile(file, from);
  file.done = from?.done ?? 0;
  return from;
}

async function look(step: RunningStep): Promise<Checkpoint | undefined> {
  const { session } = step.run;
  await session.script(createCheckpoints);
  return readCheckpoint(session, step);
}

async function runParts(file: SplitFile, from: Checkpoint | undefined): Promise<void> {
  const { step, parts, hash: ofText } = file;
  const named = new Map<string, ObjectName>();
  for (const [index, part] of parts.entries()) {
    for (const table of await namedTables(part.sql)) named.set(JSON.stringify(table), table);
    if (index < file.done) continue;
    if (step.run.signal.aborted) throw stoppedBetween(file);
    const place = { ...step, hash: ofText, tables: [...named.values()] };
    await runPart(file, place, index === from?.done ? from : undefined);
    file.done = index + 1;
  }
}

async function runPart(
  file: SplitFile,
  step: CheckpointedStep,
  from: Checkpoint | undefined,
): Promise<void> {
  const { parts, done } = file;
  const part = parts[done];
  if (!part) return;
  const [statement, another] = part.statements;
  const settings = settingsBefore(parts, done);
  const retried = (work: () => Promise<void>) =>
    withLockRetries(step.run.session, step.retry, work);
  if (statement.standsAlone && !another) {
    const begun = from?.begun ? { begun: { before: from.before } } : {};
    return retried(() => runAlone({ step, statement, settings, done, ...begun }));
  }
  if (from?.begun) refuseUnknownEnd(file);
  await retried(() => runWithCheckpoint(file, part, step)).catch((error: unknown) => {
    // Behind a pooler, no setting lasts until this statement.
    const canRunAlone = !another && !(step.run.isPooled && settings.length > 0);
    if (codeOf(error) !== commitsItself || !canRunAlone) throw error;
    file.isPartial = true;
    return runCommitting({ step, statement, settings, done });
  });
  file.isPartial = false;
}

/** @throws ScriptError with the number of completed statements of the part */
async function runWithCheckpoint(
  { parts, done }: SplitFile,
  part: Part,
  step: CheckpointedStep,
): Promise<void> {
  const { session } = step.run;
  const settings = settingsBefore(parts, done);
  const before = ['BEGIN', ...step.limits.local, step.userPath.local, ...settings];
  const checkpoint = saveCheckpoint(step, { done: done + 1 });
  const after = [resetRole, checkpoint, 'COMMIT', resetSettings(session)];
  try {
    await session.script(scriptOf(...before, part.sql, ...after));
  } catch (error) {
    await rollback(session);
    if (!(error instanceof ScriptError) || !(error.cause instanceof Error)) throw error;
    throw new ScriptError(error.cause, error.completed - before.length);
  }
}

async function record(step: RunningStep): Promise<void> {
  const { session } = step.run;
  try {
    await session.script(
      scriptOf(resetSession(session), 'BEGIN', step.trackingSql, dropCheckpoint(step), 'COMMIT'),
    );
  } catch (error) {
    await rollback(session);
    throw error;
  }
}

/** After a lost connection, the checkpoint shows whether the COMMIT arrived. */
async function whatStands(file: SplitFile, error: unknown) {
  if (!isConnectionLoss(error)) return { isDone: false, aftermath: standing(file) };
  const remains = await remainsOf(file.step);
  if (!remains) return { isDone: false, aftermath: askedLater };
  const { isDone, done, begun } = remains;
  return { isDone, aftermath: standing({ ...file, done, isPartial: false }, begun) };
}

async function failed(file: SplitFile, error: unknown, aftermath: string) {
  const { step, source, parts, done } = file;
  const part = parts[done];
  const statement =
    part && error instanceof ScriptError ? part.statements[error.completed] : undefined;
  const completed = parts.slice(0, done).flatMap(({ statements }) => statements).length;
  const offset = (statement ?? part?.statements[0])?.offset;
  const point = part && { sql: source, completed, offset };
  return migrationFailed({ step, cause: causeOf(error), point, aftermath });
}

/** Any other error is a bug of dbops, which an error about the file would hide. */
function isOfDatabase(error: unknown): boolean {
  return error instanceof ScriptError || codeOf(error) !== '' || isConnectionLoss(error);
}

function causeOf(error: unknown): unknown {
  return error instanceof ScriptError ? error.cause : error;
}
