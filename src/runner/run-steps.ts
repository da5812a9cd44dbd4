import { randomUUID } from 'node:crypto';
import { underUserPath, resetSettings } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { TrackingRow } from '../formats/format.ts';
import { isBackend, type Backend } from '../db/backend.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { patientAfterLoss } from './after-connection-loss.ts';
import { standingOf, type Standing } from './flush-commits.ts';
import { runFile } from './run-file.ts';
import { dropStaleCheckpoints } from './checkpoint.ts';
import { preflight, type Preparation } from './preflight.ts';
import {
  noticeLoss,
  startStep,
  type Run,
  type RunOutcome,
  type RunSettings,
  type Step,
  type StepResult,
} from './step.ts';

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
  const worker = workerOf(settings);
  const stopCancelling = cancelOnAbort(settings, worker);
  try {
    const { session, folder, signal } = settings;
    const { create, prepare } = folder.tracking;
    const preparation = await preflightOrRefusal(steps, settings);
    if (preparation instanceof DbopsError)
      return { results: steps.map(notRun), error: preparation };
    await session.script(create);
    await dropStaleCheckpoints(session, folder);
    const [prepared = {}] = prepare ? await session.query<TrackingRow>(prepare) : [];
    const noticesLoss = await canNoticeLoss(session);
    const afterLoss = patientAfterLoss(settings);
    const searchPath = await searchPathOf(settings);
    const run: Run = { ...settings, prepared, noticesLoss, worker, searchPath, afterLoss };
    for (const [index, step] of steps.entries()) {
      const isLast = index === steps.length - 1;
      const { result, error } = await attempt(
        step,
        run,
        () => before(step),
        () => runStep(step, preparation, run, isLast),
      );
      results.push(result);
      if (error === undefined) {
        run.onDone?.(result);
        continue;
      }
      results.push(...steps.slice(index + 1).map(notRun));
      const standing = await standingOf(results, run);
      if (signal.aborted) return outcomeOf(standing, stopped(standing.results, step, error));
      if (error instanceof DbopsError) return outcomeOf(standing, error);
      throw error;
    }
    return { results };
  } finally {
    stopCancelling();
  }
}

/**
 * Behind a pooler the server process changes; the application_name of the transactions does not.
 */
function workerOf({ session, isPooled }: RunSettings): Backend {
  return isPooled ? { application: `dbops migrate ${randomUUID().slice(0, 8)}` } : session;
}

async function preflightOrRefusal(
  steps: readonly Step[],
  { session, folder, isPooled }: RunSettings,
): Promise<Preparation | DbopsError> {
  try {
    return await preflight(steps, folder.format, session.client, isPooled);
  } catch (error) {
    if (error instanceof DbopsError) return error;
    throw error;
  }
}

/** Runs one step; `error` is why it did not complete. */
async function attempt(
  step: Step,
  run: Run,
  before: () => Promise<void>,
  work: () => Promise<void>,
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
    await work();
    return { result: result('done') };
  } catch (error) {
    const isRefused = error instanceof DbopsError && error.exitCode === exitCodes.usage;
    const hasFailed = hasBegun && !run.signal.aborted && !isRefused;
    return { result: result(hasFailed ? 'failed' : 'not-run'), error };
  }
}

/**
 * Returns the search_path of the tool, unless the database URL sets one
 * (`options=-csearch_path%3Dcrm`).
 */
async function searchPathOf({ session, folder }: RunSettings): Promise<string | undefined> {
  const { searchPath } = folder.format;
  if (searchPath === undefined) return undefined;
  const asked = await underUserPath(
    session,
    `SELECT 1 AS asked FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'search_path'
        AND source OPERATOR(pg_catalog.=) 'client'`,
  );
  return asked.length > 0 ? undefined : searchPath;
}

function canNoticeLoss(session: Session): Promise<boolean> {
  return session.script(`SET ${noticeLoss}; ${resetSettings(session)}`).then(
    () => true,
    () => false, // Windows and other platforms refuse it
  );
}

async function runStep(
  step: Step,
  { executions, modules }: Preparation,
  run: Run,
  isLast: boolean,
): Promise<void> {
  const execution = executions.get(step);
  const running = startStep(step, run);
  if (execution) return runFile(running, execution, isLast);
  const module = modules.get(step);
  if (!module) throw new Error(`${step.script.file} has not been looked at`);
  const { runModule } = await import('./run-module.ts');
  return runModule(running, module, isLast);
}

function notRun({ migration, direction }: Step): StepResult {
  return { name: migration.name, direction, state: 'not-run', durationMs: 0 };
}

function outcomeOf({ results, reason }: Standing, error: DbopsError): RunOutcome {
  return { results, error: reason.length > 0 ? error.with({ reason }) : error };
}

function stopped(results: readonly StepResult[], step: Step, error: unknown): DbopsError {
  const done = results.filter(({ state }) => state === 'done').length;
  return new DbopsError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: `Interrupted: ${done} of ${results.length} migrations were applied.`,
    reason:
      error instanceof DbopsError ? [error.message] : [`${step.migration.name} was not started.`],
    hint: `To continue: dbops migrate ${step.direction}`,
  });
}

/** Cancels the running statement on SIGINT, so that its transaction rolls back at once. */
function cancelOnAbort(settings: RunSettings, worker: Backend): () => void {
  const { signal } = settings;
  const cancel = () => void cancelStatement(settings, worker).catch(() => {});
  signal.addEventListener('abort', cancel, { once: true });
  return () => signal.removeEventListener('abort', cancel);
}

async function cancelStatement(
  { session, anotherSession }: RunSettings,
  worker: Backend,
): Promise<void> {
  // PGlite has one session and cannot cancel: the run stops after the statement.
  if (session.server.kind === 'pglite') return;
  const second: Session = await anotherSession();
  await second.query(
    `SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a WHERE ${isBackend(worker, 'a')}`,
  );
}
