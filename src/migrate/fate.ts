import { setTimeout as sleep } from 'node:timers/promises';
import { isBackend, type Backend } from '../db/backend.ts';
import type { Session } from '../db/session.ts';
import { readApplied } from './state.ts';
import type { Run, Step } from './step.ts';

type Fate = 'committed' | 'rolled back' | 'unknown';

/** Milliseconds for the server process that we lost to end. */
const patience = 5_000;

/**
 * What became of a transaction whose connection broke. A COMMIT may have been on its way, so the
 * database is asked, once the server process that worked for us has gone.
 */
export async function fateOf(step: Step, run: Run): Promise<Fate> {
  try {
    const session = await run.anotherSession();
    if (!(await hasEnded(session, run.worker))) return 'unknown';
    const { applied } = await readApplied(session, run.folder);
    const isRecorded = applied.some(({ name }) => name === step.migration.name);
    return isRecorded === (step.direction === 'up') ? 'committed' : 'rolled back';
  } catch {
    return 'unknown';
  }
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
