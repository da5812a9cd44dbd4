import { codeOf } from '../db/connection-error.ts';
import { withLockRetries } from '../db/lock.ts';
import { quoteIdentifier } from '../db/quote.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { splitStatements, SqlSyntaxError, type Statement } from '../sql/statements.ts';
import { createCheckpoints, dropCheckpoint, readCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { migrationFailed } from './failure.ts';
import {
  limitsOf,
  resetRole,
  resetSettings,
  retriesOf,
  trackingSql,
  type Run,
  type Step,
} from './step.ts';
import { rollback } from './transactional.ts';

/**
 * Runs a file outside a transaction: each statement in a transaction of its own together with its
 * checkpoint, or alone where the server demands it. A run that was cut off goes on at the
 * statement where it stopped.
 *
 * @throws DbopsError saying which statements stand
 */
export async function runStepwise(step: Step, sql: string, run: Run): Promise<void> {
  const statements = await split(step, sql);
  await run.session.script(createCheckpoints);
  const from = await readCheckpoint(run.session, step);
  if (from && from.hash !== step.migration.hash) throw editedHalfway(step, from.done);
  let begun = from?.begun ?? false;
  for (let done = from?.done ?? 0; done < statements.length; done++, begun = false) {
    const statement = statements[done];
    if (!statement) break;
    if (run.signal.aborted) throw stoppedBetween(step, done, statements.length);
    const part: Part = { step, statement, settings: settingsBefore(statements, done), done, begun };
    const work = statement.standsAlone
      ? () => runAlone(part, run)
      : () => runWithCheckpoint(part, run);
    await withLockRetries(run.session, retriesOf(step, run), work).catch(async (error: unknown) => {
      if (!(error instanceof ScriptError)) throw error;
      throw await migrationFailed({
        step,
        cause: error.cause,
        point: { sql, completed: done, offset: statement.offset },
        aftermath: standing(done, statements.length),
      });
    });
  }
  await run.session.script(
    `${toThePlain}; BEGIN; ${trackingSql(run, step)}; ${dropCheckpoint(step)}; COMMIT`,
  );
}

/** One statement of the file, and where the run stands. */
interface Part {
  step: Step;
  statement: Statement;
  /** What the file has SET so far. */
  settings: string[];
  done: number;
  begun: boolean;
}

const toThePlain = `${resetRole}; ${resetSettings}`;

/**
 * The SET statements above one, which are given again before it: a run that goes on where another
 * was cut off has a new session, and our own statements in between need the role that we are.
 */
function settingsBefore(statements: readonly Statement[], done: number): string[] {
  const sets = /^(?:set|reset)\s+(?!local\b|constraints\b|transaction\b)/i;
  return statements.slice(0, done).flatMap(({ sql }) => (sets.test(sql) ? [sql] : []));
}

function scriptOf(...statements: string[]): string {
  return statements.join('\n; '); // a statement may end in a comment
}

async function split(step: Step, sql: string): Promise<Statement[]> {
  try {
    return await splitStatements(sql);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    throw await migrationFailed({
      step,
      cause: error,
      point: { sql, completed: 0, offset: error.offset },
      aftermath: 'Nothing of it was run.',
    });
  }
}

async function runWithCheckpoint(
  { step, statement, settings, done }: Part,
  run: Run,
): Promise<void> {
  const checkpoint = `${resetRole}; ${saveCheckpoint(step, done + 1, false)}`;
  const work = [...limitsOf(step, run, 'LOCAL'), ...settings, statement.sql, checkpoint];
  try {
    await run.session.script(scriptOf('BEGIN', ...work, 'COMMIT', resetSettings));
  } catch (error) {
    await rollback(run.session);
    throw error;
  }
}

/**
 * CREATE INDEX CONCURRENTLY and its like. `lock_timeout` is off: they wait for old snapshots by
 * design, under a lock that blocks neither reads nor writes. The checkpoint is written before and
 * after, so that a later run knows whether the statement may have happened.
 */
async function runAlone(part: Part, run: Run): Promise<void> {
  const { step, statement, settings, done, begun } = part;
  const { session } = run;
  const index = statement.concurrentIndex;
  await session.script(saveCheckpoint(step, done, true));
  await session.script(
    scriptOf(...limitsOf(step, run, 'SESSION'), 'SET lock_timeout = 0', ...settings),
  );
  const left = index && begun ? await indexState(session, index) : 'none';
  if (index && left === 'invalid') await dropInvalid(session, index);
  if (left !== 'valid')
    await session.script(statement.sql).catch(async (error: unknown) => {
      await cleanUp(part, error, run).catch(() => {}); // the checkpoint leaves it to the next run
      throw error;
    });
  await session.script(`${toThePlain}; ${saveCheckpoint(step, done + 1, false)}`);
}

const duplicateTable = '42P07';

/** Takes back what a failed statement left, so that the next run begins it anew. */
async function cleanUp({ step, statement, done }: Part, error: unknown, run: Run): Promise<void> {
  const { session, signal } = run;
  const index = statement.concurrentIndex;
  // Whoever interrupts does not wait for the old snapshots for which the statement waited.
  if (signal.aborted) await session.script('SET statement_timeout = 500');
  // What has the name already is not ours.
  if (index && codeOf(error) !== duplicateTable && (await indexState(session, index)) === 'invalid')
    await dropInvalid(session, index);
  await session.script(`${toThePlain}; ${saveCheckpoint(step, done, false)}`);
}

type NamedIndex = NonNullable<Statement['concurrentIndex']>;

async function indexState(
  session: Session,
  index: NamedIndex,
): Promise<'none' | 'valid' | 'invalid'> {
  const [row] = await session.query<{ indisvalid: boolean }>(
    'SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [nameOf(index)],
  );
  if (!row) return 'none';
  return row.indisvalid ? 'valid' : 'invalid';
}

async function dropInvalid(session: Session, index: NamedIndex): Promise<void> {
  await session.script(`DROP INDEX CONCURRENTLY IF EXISTS ${nameOf(index)}`);
}

function nameOf({ schema, name }: NamedIndex): string {
  return schema ? `${quoteIdentifier(schema)}.${quoteIdentifier(name)}` : quoteIdentifier(name);
}

function standing(done: number, total: number): string {
  return done === 0
    ? 'It runs outside a transaction, but nothing of it stands: its first statement failed.'
    : `It runs outside a transaction: its first ${done} of ${total} statements stand, and the next run goes on after them.`;
}

function stoppedBetween(step: Step, done: number, total: number): DbopsError {
  return new DbopsError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: `${step.migration.name} was stopped after ${done} of ${total} statements, which stand.`,
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
