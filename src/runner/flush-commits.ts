import type { Session } from '../db/session.ts';
import type { Applied } from '../formats/format.ts';
import { readApplied } from './tracking-state.ts';
import type { Run, StepResult } from './step.ts';

/** What remains applied of a run that stopped, and the reason why the rest does not. */
export interface Standing {
  results: StepResult[];
  reason: string[];
}

/**
 * Commits before the last do not wait for the disk. If the last one is missing, this flushes them:
 * a message in the WAL makes a commit of it.
 */
const flush = `SELECT pg_logical_emit_message(true, 'dbops', '')`;

/**
 * Flushes the commits of a run that stopped. If the server crashed before, the tracking table shows
 * which were lost.
 */
export async function standingOf(results: readonly StepResult[], run: Run): Promise<Standing> {
  if (!results.some(({ state }) => state === 'done')) return { results: [...results], reason: [] };
  try {
    await run.session.script(flush);
    return { results: [...results], reason: [] };
  } catch {
    return run
      .afterLoss((session) => readFlushed(session, run))
      .then(
        (applied) => compared(results, applied),
        () => ({ results: [...results], reason: [notKnown] }),
      );
  }
}

const notKnown =
  'If the server crashed, the last commits may be lost together with their tracking rows; this cannot be determined right now.';

async function readFlushed(session: Session, { folder }: Run): Promise<Applied> {
  await session.script(flush);
  return readApplied(session, folder);
}

function compared(results: readonly StepResult[], { applied }: Applied): Standing {
  const recorded = new Set(applied.map(({ name }) => name));
  const isGone = ({ name, direction, state }: StepResult) =>
    state === 'done' && recorded.has(name) !== (direction === 'up');
  const gone = results.filter(isGone).map(({ name }) => name);
  return {
    results: results.map((result) => (isGone(result) ? { ...result, state: 'not-run' } : result)),
    reason: gone.length === 0 ? [] : [tookBack(gone)],
  };
}

function tookBack(names: readonly string[]): string {
  const what = names.length === 1 ? 'which had just been committed' : 'which had been committed';
  return `A server crash lost ${names.join(', ')}, ${what}, together with the tracking rows. The next run applies them again.`;
}
