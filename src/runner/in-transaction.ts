import { isConnectionLoss } from '../db/connection-error.ts';
import { withLockRetries } from '../db/lock.ts';
import { resetSettings } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { fateOf } from './after-connection-loss.ts';
import { migrationFailed } from './failure/explain-failure.ts';
import { MigrationError, type Frame } from './send-migration.ts';
import { beginOf, resetRole, type RunningStep } from './step.ts';

/**
 * Runs a migration and its tracking row as one transaction, again after each lock timeout.
 *
 * @param send sends the migration and the frame around it
 * @param durable see `beginOf`
 * @throws DbopsError when the migration failed and was rolled back
 */
export async function runInTransaction(
  step: RunningStep,
  send: (frame: Frame) => Promise<void>,
  durable: boolean,
): Promise<void> {
  const { session } = step.run;
  const begin = beginOf(step, durable);
  const end = `${resetRole}; ${step.trackingSql}; COMMIT; ${resetSettings(session)}`;
  const attempt = async () => {
    const { guard } = step;
    if (!guard) return send({ begin: [...begin, step.userPath.local], end });
    const { sendGuarded } = await import('./with-row-guard.ts');
    return sendGuarded(step, guard, send, { begin, end });
  };
  try {
    await withLockRetries(session, step.retry, () =>
      attempt().catch(async (error: unknown) => {
        await rollback(session);
        throw error;
      }),
    );
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    await explainUnlessCommitted(step, error);
  }
}

/** Looks up in the tracking table whether the COMMIT arrived, after the connection was lost. */
async function explainUnlessCommitted(
  step: RunningStep,
  { cause, point }: MigrationError,
): Promise<void> {
  const fate = isConnectionLoss(cause) ? await fateOf(step) : 'rolled back';
  if (fate === 'committed') return;
  const aftermath = fate === 'unknown' ? unknownFate : rolledBack;
  throw await migrationFailed({ step, cause, point, aftermath });
}

const rolledBack = 'It was rolled back: the database is as it was before this file.';
const unknownFate = 'Whether it was committed cannot be determined right now.';

export async function rollback(session: Session): Promise<void> {
  await session.script('ROLLBACK').catch(() => {});
}
