import { withLockRetries } from '../db/lock.ts';
import { ScriptError } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import { splitParts, type Part } from '../sql/execution.ts';
import { SqlSyntaxError } from '../sql/statements.ts';
import {
  createCheckpoints,
  dropCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  type Checkpoint,
} from './checkpoint.ts';
import { migrationFailed } from './failure.ts';
import { runAlone } from './stand-alone.ts';
import {
  limitsOf,
  resetRole,
  resetSettings,
  retriesOf,
  scriptOf,
  toThePlain,
  trackingSql,
  type Run,
  type Step,
} from './step.ts';
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
  if (run.isPooled) refuseSettings(step, parts);
  await run.session.script(createCheckpoints);
  const from = await readCheckpoint(step, run);
  if (from && from.hash !== step.migration.hash) throw editedHalfway(step, from.done);
  const first = from?.done ?? 0;
  for (const [index, part] of parts.slice(first).entries()) {
    const done = first + index;
    if (run.signal.aborted) throw stoppedBetween(step, done, parts);
    const place: Place = { step, source, parts, part, done };
    await runPart(place, index === 0 ? from : undefined, run);
  }
  await run.session.script(
    scriptOf(toThePlain, 'BEGIN', trackingSql(run, step), dropCheckpoint(step, run), 'COMMIT'),
  );
}

/** A part of the file, and where the run stands. */
interface Place {
  step: Step;
  source: string;
  parts: readonly Part[];
  part: Part;
  done: number;
}

async function runPart(place: Place, from: Checkpoint | undefined, run: Run): Promise<void> {
  const { step, parts, part, done } = place;
  const [statement, another] = part.statements;
  const settings = settingsBefore(parts, done);
  const begun = from?.begun ? { begun: { before: from.before } } : {};
  const work =
    statement.standsAlone && !another
      ? () => runAlone({ step, statement, settings, done, ...begun }, run)
      : () => runWithCheckpoint(place, settings, run);
  await withLockRetries(run.session, retriesOf(step, run), work).catch(async (error: unknown) => {
    if (!(error instanceof ScriptError)) throw error;
    throw await failed(place, error, run);
  });
}

async function failed({ step, source, parts, part, done }: Place, error: ScriptError, run: Run) {
  const { offset } = part.statements[error.completed] ?? part.statements[0];
  return migrationFailed({
    step,
    run,
    cause: error.cause,
    point: { sql: source, completed: countOf(parts.slice(0, done)), offset },
    aftermath: standing(parts, done),
  });
}

const countOf = (parts: readonly Part[]) => parts.flatMap(({ statements }) => statements).length;

/**
 * The SET statements above one, which are given again before it: a run that goes on where another
 * was cut off has a new session, and our own statements in between need the role that we are.
 */
function settingsBefore(parts: readonly Part[], done: number): string[] {
  return parts
    .slice(0, done)
    .flatMap(({ statements }) => statements)
    .flatMap(({ sql, setsSession }) => (setsSession ? [sql] : []));
}

async function split(step: Step, source: string, run: Run): Promise<Part[]> {
  try {
    return await splitParts(source);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    throw await migrationFailed({
      step,
      run,
      cause: error,
      point: { sql: source, completed: 0, offset: error.offset },
      aftermath: 'Nothing of it was run.',
    });
  }
}

/** @throws ScriptError that counts the statements of the part */
async function runWithCheckpoint(
  { step, part, done }: Place,
  settings: readonly string[],
  run: Run,
): Promise<void> {
  const before = ['BEGIN', ...limitsOf(step, run, 'LOCAL'), ...settings];
  const after = [resetRole, saveCheckpoint(step, run, { done: done + 1 }), 'COMMIT', resetSettings];
  try {
    await run.session.script(scriptOf(...before, part.sql, ...after));
  } catch (error) {
    await rollback(run.session);
    if (!(error instanceof ScriptError) || !(error.cause instanceof Error)) throw error;
    throw new ScriptError(error.cause, error.completed - before.length);
  }
}

/** Behind a pooler a statement that stands alone may meet any session, and would leave it changed. */
function refuseSettings({ migration, script }: Step, parts: readonly Part[]): void {
  for (const [done, { statements }] of parts.entries())
    if (statements[0].standsAlone && settingsBefore(parts, done).length > 0)
      throw usageError(
        'MIGRATION.POOLED_SETTINGS',
        `${migration.name} relies on a SET for a statement that runs outside a transaction (line ${statements[0].line}), and no setting holds behind a pooler.`,
        'Connect directly: give the direct URL with --database-url or DATABASE_URL_UNPOOLED.',
        [script.file],
      );
}

function standing(parts: readonly Part[], done: number): string {
  const first = countOf(parts.slice(0, done));
  return done === 0
    ? 'It runs outside a transaction, but nothing of it stands: its first statement failed.'
    : `It runs outside a transaction: its first ${first} of ${countOf(parts)} statements stand, and the next run goes on after them.`;
}

function stoppedBetween(step: Step, done: number, parts: readonly Part[]): DbopsError {
  return new DbopsError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: `${step.migration.name} was stopped after ${countOf(parts.slice(0, done))} of ${countOf(parts)} statements, which stand.`,
    hint: `Go on with: dbops migrate ${step.direction}`,
  });
}

function editedHalfway(step: Step, done: number): DbopsError {
  return new DbopsError({
    code: 'MIGRATION.EDITED_HALFWAY',
    exitCode: exitCodes.desynchronised,
    message: `${step.migration.name} was edited after ${done} of its statements had been run.`,
    reason: [step.script.file],
    hint: 'Bring the file back as it was when it began, and finish it; or, if its statements were undone by hand, delete its row from dbops.checkpoints.',
  });
}
