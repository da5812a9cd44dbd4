import { setTimeout as sleep } from 'node:timers/promises';
import { isBackend, type Backend } from '../db/backend.ts';
import type { Session } from '../db/session.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readApplied } from './tracking-state.ts';
import type { Run, RunningStep } from './step.ts';

type Fate = 'committed' | 'rolled back' | 'unknown';

/** Milliseconds for the server process that we lost to end. */
const patience = 5_000;

/**
 * The outcome of a transaction whose connection broke. A COMMIT may have been sent, so the database
 * is queried once the server process of the session has ended.
 */
export async function fateOf(step: RunningStep): Promise<Fate> {
  const isDone = await afterLoss(step.run, (session) => isRecorded(session, step));
  if (isDone === undefined) return 'unknown';
  return isDone ? 'committed' : 'rolled back';
}

/** What remains applied of a file that ran in parts. */
export interface Remains {
  isDone: boolean;
  /** Parts that are committed. */
  done: number;
  /** The next statement was started, and may have finished. */
  begun: boolean;
}

/**
 * Returns the same for a file that runs in parts; undefined when the database cannot be queried.
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
