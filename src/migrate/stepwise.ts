import { quoteIdentifier } from '../db/quote.ts';
import { withLockRetries } from '../db/lock.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import { splitStatements, SqlSyntaxError, type Statement } from '../sql/statements.ts';
import {
  createCheckpoints,
  dropCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  type Checkpoint,
} from './checkpoint.ts';
import { migrationFailed } from './failure.ts';
import { localSettings, retriesOf, trackingSql, type RunSettings, type Step } from './step.ts';
import { rollback } from './transactional.ts';

/**
 * Runs a file outside a transaction: each statement in a transaction of its own together with its
 * checkpoint, or alone where the server demands it. A run that was cut off goes on at the
 * statement where it stopped.
 *
 * @throws DbopsError saying which statements stand
 */
export async function runStepwise(step: Step, sql: string, run: RunSettings): Promise<void> {
  const statements = await split(step, sql);
  await run.session.script(createCheckpoints);
  const from = await readCheckpoint(run.session, step);
  if (from && from.hash !== step.migration.hash) throw editedHalfway(step, from.done);
  let begun = from?.begun ?? false;
  for (let done = from?.done ?? 0; done < statements.length; done++, begun = false) {
    const statement = statements[done];
    if (!statement) break;
    if (run.signal.aborted) throw stoppedBetween(step, done, statements.length);
    const work = statement.standsAlone
      ? () => runAlone(step, statement, { done, begun }, run)
      : () => runWithCheckpoint(step, statement, done, run);
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
    `BEGIN; ${trackingSql(run.tracking, step)}; ${dropCheckpoint(step)}; COMMIT`,
  );
}

async function split(step: Step, sql: string): Promise<Statement[]> {
  try {
    const statements = await splitStatements(sql);
    const control = statements.find(({ controlsTransaction }) => controlsTransaction);
    if (control)
      throw usageError(
        'MIGRATION.TRANSACTION_CONTROL',
        `${step.migration.name} is run statement by statement, but begins or ends a transaction (line ${control.line}).`,
        'Remove BEGIN and COMMIT, or the directive no-transaction.',
      );
    return statements;
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
  step: Step,
  statement: Statement,
  done: number,
  run: RunSettings,
): Promise<void> {
  const settings = localSettings(step, run);
  try {
    await run.session.script(
      `BEGIN; ${settings}; ${statement.sql}\n; ${saveCheckpoint(step, done + 1, false)}; COMMIT`,
    );
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
async function runAlone(
  step: Step,
  statement: Statement,
  { done, begun }: Pick<Checkpoint, 'done' | 'begun'>,
  run: RunSettings,
): Promise<void> {
  const { session } = run;
  const index = statement.concurrentIndex;
  const left = index && begun ? await indexState(session, index) : 'none';
  if (index && left === 'invalid') await dropInvalid(session, index);
  if (left !== 'valid') {
    await session.script(saveCheckpoint(step, done, true));
    await session.script(
      `RESET ALL; SET lock_timeout = 0; SET statement_timeout = ${run.statementTimeout}`,
    );
    await session.script(statement.sql).catch(async (error: unknown) => {
      if (index && (await indexState(session, index)) === 'invalid')
        await dropInvalid(session, index);
      throw error;
    });
  }
  await session.script(saveCheckpoint(step, done + 1, false));
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
