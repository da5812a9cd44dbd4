import { isConnectionLoss } from '../../db/connection-error.ts';
import { ScriptError, type Session } from '../../db/session.ts';
import { withLockRetries } from '../../db/lock.ts';
import { offsetOfError } from '../../sql/failure-place.ts';
import { migrationFailed } from '../failure/failure.ts';
import { fateOf } from './fate.ts';
import { sendGuarded } from './guarded.ts';
import {
  beginOf,
  resetRole,
  resetSettings,
  retriesOf,
  trackingSql,
  type Run,
  type Step,
} from '../step.ts';

/**
 * Runs an SQL file and its tracking row as one transaction in one round trip.
 *
 * @param durable see `beginOf`
 * @throws DbopsError when it failed and was rolled back
 */
export async function runInTransaction(
  step: Step,
  sql: string,
  run: Run,
  durable: boolean,
): Promise<void> {
  const before = beginOf(step, run, durable);
  const prefix = before.map((statement) => `${statement}; `).join('');
  const record = `${resetRole}; ${trackingSql(run, step)}`;
  // A comment may end the file without a newline, and would swallow what follows.
  const sent = `${prefix}${sql}\n; ${record}; COMMIT; ${resetSettings}`;
  const { session } = run;
  await withLockRetries(session, retriesOf(step, run), async () => {
    try {
      if (step.guard) await sendGuarded(step, run, durable, () => session.script(sql));
      else await session.script(sent);
    } catch (error) {
      await rollback(session);
      throw error;
    }
  }).catch(async (error: unknown) => {
    if (!(error instanceof ScriptError)) throw error;
    const lost = isConnectionLoss(error.cause);
    const fate = lost ? await fateOf(step, run) : 'rolled back';
    if (fate === 'committed') return;
    const point = {
      sql,
      completed: Math.max(0, error.completed - before.length),
      offset: offsetOfError(error.cause, sent, prefix.length),
    };
    throw await migrationFailed({
      step,
      run,
      cause: error.cause,
      point,
      aftermath: fate === 'unknown' ? unknownFate : rolledBack,
    });
  });
}

export const rolledBack = 'It was rolled back: the database is as it was before this file.';
export const unknownFate = 'Whether it was committed can not be asked right now.';

export async function rollback(session: Session): Promise<void> {
  await session.script('ROLLBACK').catch(() => {});
}
