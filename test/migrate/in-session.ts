import { toSteps } from '../../src/migrate/run.ts';
import type { Session } from '../../src/db/session.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { planDown, planUp, type Range } from '../../src/migrate/plan.ts';
import { runSteps } from '../../src/runner/run-steps.ts';
import { readStatuses } from '../../src/runner/tracking-state.ts';
import type { Direction } from '../../src/migration.ts';

/**
 * Runs a folder as the commands do, but on a session that stays open: PGlite takes half a second
 * to open. @returns the names that were run; throws when one fails
 */
export async function migrate(
  session: Session,
  root: string,
  direction: Direction,
  range: Range = {},
): Promise<string[]> {
  const folder = readFolder({ root });
  const plan = direction === 'up' ? planUp : planDown;
  const { results, error } = await runSteps(
    toSteps(plan(await readStatuses(session, folder), range), direction),
    {
      session,
      folder,
      lockTimeout: 2_000,
      statementTimeout: 0,
      patience: 10_000,
      signal: new AbortController().signal,
      anotherSession: () => Promise.reject(new Error('no second session is needed')),
      onStart: () => {},
      onWait: () => {},
      onNote: () => {},
      onAway: () => {},
      isPooled: false,
    },
    async () => {},
  );
  if (error) throw error;
  return results.map(({ name }) => name);
}
