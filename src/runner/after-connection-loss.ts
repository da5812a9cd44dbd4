import { setTimeout as sleep } from 'node:timers/promises';
import { isBackend, type Backend } from '../db/backend.ts';
import { isConnectionLoss } from '../db/connection-error.ts';
import { engineLossOf } from '../db/engine-error.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readApplied } from './tracking-state.ts';
import type { AfterLoss, Run, RunningStep, RunSettings } from './step.ts';

/**
 * Returns a function that connects again after a crash. A crashed server refuses connections until
 * it has recovered; the patience of the run applies once to all calls together.
 */
export function patientAfterLoss({
  anotherSession,
  patience,
  signal,
  onAway,
}: RunSettings): AfterLoss {
  let deadline: number | undefined;
  return async (ask) => {
    deadline ??= Date.now() + patience;
    for (;;) {
      try {
        return await ask(await anotherSession());
      } catch (error) {
        if (!isAway(error) || Date.now() >= deadline) throw error;
        onAway();
        await sleep(200, undefined, { signal });
      }
    }
  };
}

/** An embedded engine that fails to open does not recover later. */
function isAway(error: unknown): boolean {
  if (engineLossOf(error)) return false;
  if (error instanceof DbopsError) return error.exitCode === exitCodes.unreachable;
  return isConnectionLoss(error);
}

type CommitState = 'committed' | 'rolled back' | 'unknown';

/** Milliseconds to wait until the lost server process has ended. */
const patience = 5_000;

/**
 * Returns whether a transaction whose connection broke was committed. The COMMIT may have arrived,
 * so the tracking row is read once the old server process has ended.
 */
export async function fateOf(step: RunningStep): Promise<CommitState> {
  const isDone = await afterLoss(step.run, (session) => isRecorded(session, step));
  if (isDone === undefined) return 'unknown';
  return isDone ? 'committed' : 'rolled back';
}

/** What is committed of a file that ran statement by statement. */
export interface Remains {
  isDone: boolean;
  /** Number of committed parts. */
  done: number;
  /** The next part was started, and may have completed. */
  begun: boolean;
}

/**
 * Returns the same for a file that runs statement by statement; undefined when the database cannot
 * be read.
 */
export function remainsOf(step: RunningStep): Promise<Remains | undefined> {
  return afterLoss(step.run, async (session) => {
    const { done = 0, begun = false } = (await readCheckpoint(session, step)) ?? {};
    return { isDone: await isRecorded(session, step), done, begun };
  });
}

async function afterLoss<T>(
  run: Run,
  ask: (session: Session) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await run.afterLoss(async (session) =>
      (await hasEnded(session, run.worker)) ? ask(session) : undefined,
    );
  } catch {
    return undefined;
  }
}

async function isRecorded(session: Session, step: RunningStep): Promise<boolean> {
  const { applied } = await readApplied(session, step.run.folder);
  return applied.some(({ name }) => name === step.migration.name) === (step.direction === 'up');
}

async function hasEnded(session: Session, worker: Backend): Promise<boolean> {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(100)) {
    const rows = await session.query(
      `SELECT FROM pg_stat_activity a WHERE ${isBackend(worker, 'a')}`,
    );
    if (rows.length === 0) return true;
  }
  return false;
}
