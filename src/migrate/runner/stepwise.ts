import { hash } from 'node:crypto';
import { codeOf, isConnectionLoss } from '../../db/connection-error.ts';
import { withLockRetries } from '../../db/lock.ts';
import { resetSettings } from '../../db/search-path.ts';
import { ScriptError } from '../../db/session.ts';
import { DbopsError } from '../../errors.ts';
import { splitParts, type Part } from '../../sql/execution.ts';
import { namedTables } from '../../sql/named-tables.ts';
import type { ObjectName } from '../../sql/stand-alone.ts';
import { SqlSyntaxError } from '../../sql/statements.ts';
import {
  createCheckpoints,
  dropCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  type Checkpoint,
  type CheckpointedStep,
} from './checkpoint.ts';
import { migrationFailed } from '../failure/failure.ts';
import { remainsOf } from './fate.ts';
import { afterAlone, beforeAlone } from './guarded.ts';
import { settingsBefore } from './preflight.ts';
import { commitsItself, runCommitting } from './self-committing.ts';
import { runAlone } from './stand-alone.ts';
import {
  limitsOf,
  resetRole,
  retriesOf,
  scriptOf,
  toThePlain,
  trackingSql,
  userPathOf,
  type Run,
  type Step,
} from '../step.ts';
import {
  askedLater,
  refuseOther,
  refuseUnknownEnd,
  standing,
  stoppedBetween,
} from './stepwise-words.ts';
import { rollback } from './transactional.ts';

/**
 * Runs a file outside a transaction: each part in a transaction of its own together with its
 * checkpoint, or alone where the server demands it. A run that was cut off goes on at the part
 * where it stopped.
 *
 * @throws DbopsError saying which statements stand
 */
export async function runStepwise(step: Step, source: string, run: Run): Promise<void> {
  const parts = await split(step, source, run);
  const file: SplitFile = { step, source, hash: hashOf(source), parts, done: 0, isPartial: false };
  const from = await setUp(file, run);
  await beforeAlone(step, run);
  try {
    await runParts(file, from, run);
    await afterAlone(step, run);
    await record(step, run);
  } catch (error) {
    if (error instanceof DbopsError || !isOfDatabase(error)) throw error;
    const { isDone, aftermath } = await whatStands(file, error, run);
    if (!isDone) throw await failed(file, error, aftermath, run);
  }
}

/** A file, and where its run stands. */
export interface SplitFile {
  step: Step;
  source: string;
  /** Of the source. */
  hash: string;
  parts: readonly Part[];
  /** Parts that are committed. */
  done: number;
  /** The next part commits by itself, so that a part of it may stand. */
  isPartial: boolean;
}

/** A checkout with other line endings is no edit. */
function hashOf(source: string): string {
  return hash('sha256', source.replaceAll('\r\n', '\n'));
}

async function split(step: Step, source: string, run: Run): Promise<Part[]> {
  try {
    return await splitParts(source);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const point = { sql: source, completed: 0, offset: error.offset };
    throw await migrationFailed({
      step,
      run,
      cause: error,
      point,
      aftermath: 'Nothing of it was run.',
    });
  }
}

/** Makes the table of checkpoints, and looks where an earlier run stopped. */
async function setUp(file: SplitFile, run: Run): Promise<Checkpoint | undefined> {
  const { step } = file;
  const from = await look(step, run).catch(async (error: unknown) => {
    if (!isOfDatabase(error)) throw error;
    const aftermath = 'Nothing more of it was run: it needs a table of checkpoints first.';
    throw await migrationFailed({ step, run, cause: causeOf(error), aftermath });
  });
  if (from) refuseOther(file, from, run);
  file.done = from?.done ?? 0;
  return from;
}

async function look(step: Step, run: Run): Promise<Checkpoint | undefined> {
  await run.session.script(createCheckpoints);
  return readCheckpoint(run.session, step, run);
}

async function runParts(file: SplitFile, from: Checkpoint | undefined, run: Run): Promise<void> {
  const { step, parts, hash: ofText } = file;
  const named = new Map<string, ObjectName>();
  for (const [index, part] of parts.entries()) {
    for (const table of await namedTables(part.sql)) named.set(JSON.stringify(table), table);
    if (index < file.done) continue;
    if (run.signal.aborted) throw stoppedBetween(file);
    const place = { ...step, hash: ofText, tables: [...named.values()] };
    await runPart(file, place, index === from?.done ? from : undefined, run);
    file.done = index + 1;
  }
}

async function runPart(
  file: SplitFile,
  step: CheckpointedStep,
  from: Checkpoint | undefined,
  run: Run,
): Promise<void> {
  const { parts, done } = file;
  const part = parts[done];
  if (!part) return;
  const [statement, another] = part.statements;
  const settings = settingsBefore(parts, done);
  const retried = (work: () => Promise<void>) =>
    withLockRetries(run.session, retriesOf(step, run), work);
  if (statement.standsAlone && !another) {
    const begun = from?.begun ? { begun: { before: from.before } } : {};
    return retried(() => runAlone({ step, statement, settings, done, ...begun }, run));
  }
  if (from?.begun) refuseUnknownEnd(file, run);
  await retried(() => runWithCheckpoint(file, part, step, run)).catch((error: unknown) => {
    // Behind a pooler no setting would hold for it.
    const canRunAlone = !another && !(run.isPooled && settings.length > 0);
    if (codeOf(error) !== commitsItself || !canRunAlone) throw error;
    file.isPartial = true;
    return runCommitting({ step, statement, settings, done }, run);
  });
  file.isPartial = false;
}

/** @throws ScriptError that counts the statements of the part */
async function runWithCheckpoint(
  { parts, done }: SplitFile,
  part: Part,
  step: CheckpointedStep,
  run: Run,
): Promise<void> {
  const settings = settingsBefore(parts, done);
  const path = userPathOf(run, 'LOCAL');
  const before = ['BEGIN', ...limitsOf(step, run, 'LOCAL'), path, ...settings];
  const checkpoint = saveCheckpoint(step, run, { done: done + 1 });
  const after = [resetRole, checkpoint, 'COMMIT', resetSettings(run.session)];
  try {
    await run.session.script(scriptOf(...before, part.sql, ...after));
  } catch (error) {
    await rollback(run.session);
    if (!(error instanceof ScriptError) || !(error.cause instanceof Error)) throw error;
    throw new ScriptError(error.cause, error.completed - before.length);
  }
}

async function record(step: Step, run: Run): Promise<void> {
  try {
    await run.session.script(
      scriptOf(
        toThePlain(run),
        'BEGIN',
        trackingSql(run, step),
        dropCheckpoint(step, run),
        'COMMIT',
      ),
    );
  } catch (error) {
    await rollback(run.session);
    throw error;
  }
}

/** After a loss only the database knows: a COMMIT may have been on its way. */
async function whatStands(file: SplitFile, error: unknown, run: Run) {
  if (!isConnectionLoss(error)) return { isDone: false, aftermath: standing(file) };
  const remains = await remainsOf(file.step, run);
  if (!remains) return { isDone: false, aftermath: askedLater };
  const { isDone, done, begun } = remains;
  return { isDone, aftermath: standing({ ...file, done, isPartial: false }, begun) };
}

async function failed(file: SplitFile, error: unknown, aftermath: string, run: Run) {
  const { step, source, parts, done } = file;
  const part = parts[done];
  const statement =
    part && error instanceof ScriptError ? part.statements[error.completed] : undefined;
  const completed = parts.slice(0, done).flatMap(({ statements }) => statements).length;
  const offset = (statement ?? part?.statements[0])?.offset;
  const point = part && { sql: source, completed, offset };
  return migrationFailed({ step, run, cause: causeOf(error), point, aftermath });
}

/** Anything else is a fault of ours, which a report about the file would hide. */
function isOfDatabase(error: unknown): boolean {
  return error instanceof ScriptError || codeOf(error) !== '' || isConnectionLoss(error);
}

function causeOf(error: unknown): unknown {
  return error instanceof ScriptError ? error.cause : error;
}
