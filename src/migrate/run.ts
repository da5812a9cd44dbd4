import type { Session } from '../db/session.ts';
import type { Format, TrackingRow } from '../formats/format.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { preflight } from './preflight.ts';
import {
  noticeLoss,
  type Run,
  type RunOutcome,
  type RunSettings,
  type Step,
  type StepResult,
} from './step.ts';
import { runStepwise } from './stepwise.ts';
import { runInTransaction } from './transactional.ts';

/**
 * Runs the steps in order and stops at the first that fails. The caller holds the runner's lock.
 *
 * @param before called before each step, for what the step requires (a finished backfill)
 * @returns a result for every step; never throws for a step that failed
 */
export async function runSteps(
  steps: readonly Step[],
  settings: RunSettings,
  before: (step: Step) => Promise<void>,
): Promise<RunOutcome> {
  const results: StepResult[] = [];
  const stopCancelling = cancelOnAbort(settings);
  try {
    const { session, folder, signal } = settings;
    const { create, prepare } = folder.tracking;
    const refusal = await refusalOf(steps, folder.format);
    if (refusal) return { results: steps.map(notRun), error: refusal };
    await session.script(create);
    const [prepared = {}] = prepare ? await session.query<TrackingRow>(prepare) : [];
    const run: Run = { ...settings, prepared, noticesLoss: await canNoticeLoss(session) };
    for (const [index, step] of steps.entries()) {
      const isLast = index === steps.length - 1;
      const { result, error } = await attempt(step, run, () => before(step), isLast);
      results.push(result);
      if (error === undefined) continue;
      results.push(...steps.slice(index + 1).map(notRun));
      if (index > 0) await session.script(flush).catch(() => {});
      if (signal.aborted) return { results, error: stopped(index, steps.length, step, error) };
      if (error instanceof DbopsError) return { results, error };
      throw error;
    }
    return { results };
  } finally {
    stopCancelling();
  }
}

async function refusalOf(steps: readonly Step[], format: Format): Promise<DbopsError | undefined> {
  try {
    await preflight(steps, format);
    return undefined;
  } catch (error) {
    if (error instanceof DbopsError) return error;
    throw error;
  }
}

/** Runs one step; `error` is why it is not done. */
async function attempt(
  step: Step,
  run: Run,
  before: () => Promise<void>,
  isLast: boolean,
): Promise<{ result: StepResult; error?: unknown }> {
  const started = performance.now();
  const result = (state: StepResult['state']): StepResult => ({
    ...notRun(step),
    state,
    durationMs: Math.round(performance.now() - started),
  });
  let hasBegun = false;
  try {
    run.signal.throwIfAborted();
    await before();
    hasBegun = true;
    run.onStart(step);
    await runStep(step, run, isLast);
    return { result: result('done') };
  } catch (error) {
    const isRefused = error instanceof DbopsError && error.exitCode === exitCodes.usage;
    const hasFailed = hasBegun && !run.signal.aborted && !isRefused;
    return { result: result(hasFailed ? 'failed' : 'not-run'), error };
  }
}

/**
 * Commits before the last do not wait for the disk. When there is no last one, this does, and
 * with it everything before: a message in the WAL is enough to make it a commit.
 */
const flush = `SELECT pg_logical_emit_message(true, 'dbops', '')`;

function canNoticeLoss(session: Session): Promise<boolean> {
  return session.script(`SET ${noticeLoss}; RESET ALL`).then(
    () => true,
    () => false, // Windows and other platforms refuse it
  );
}

async function runStep(step: Step, run: Run, last: boolean): Promise<void> {
  if (step.script.kind === 'module') {
    const { runModule } = await import('./module.ts');
    return runModule(step, step.script, run);
  }
  const { sql } = step.script;
  return step.directives.noTransaction
    ? runStepwise(step, sql, run)
    : runInTransaction(step, sql, run, last);
}

function notRun({ migration, direction }: Step): StepResult {
  return { name: migration.name, direction, state: 'not-run', durationMs: 0 };
}

function stopped(done: number, total: number, step: Step, error: unknown): DbopsError {
  return new DbopsError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: `Interrupted: ${done} of ${total} migrations were run and stand.`,
    reason:
      error instanceof DbopsError ? [error.message] : [`${step.migration.name} was not begun.`],
    hint: `Go on with: dbops migrate ${step.direction}`,
  });
}

/** On SIGINT the running statement is cancelled, so that its transaction rolls back at once. */
function cancelOnAbort(run: RunSettings): () => void {
  const cancel = () => void cancelStatement(run).catch(() => {});
  run.signal.addEventListener('abort', cancel, { once: true });
  return () => run.signal.removeEventListener('abort', cancel);
}

async function cancelStatement({ session, anotherSession }: RunSettings): Promise<void> {
  // PGlite has one session; its statement is left to finish, and the run stops after it.
  if (session.server.kind === 'pglite') return;
  const second: Session = await anotherSession();
  await second.query('SELECT pg_cancel_backend($1)', [session.pid]);
}
