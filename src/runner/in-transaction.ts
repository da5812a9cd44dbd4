import { isConnectionLoss } from '../db/connection-error.ts';
import { resetSettings } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { withLockRetries } from '../db/lock.ts';
import { migrationFailed, type FailurePoint } from './failure/explain-failure.ts';
import { fateOf } from './after-connection-loss.ts';
import { guardedContent } from './with-row-guard.ts';
import {
  beginOf,
  resetRole,
  retriesOf,
  trackingSql,
  userPathOf,
  type Run,
  type Step,
} from './step.ts';

/** What a transaction does for a step, beside keeping the tracking table true. */
export interface Content {
  /** Sends all of the transaction; called once an attempt. */
  send(): Promise<void>;
  /** What went wrong with the migration; nothing where the error is not its own. */
  failureOf(error: unknown): { cause: unknown; point?: FailurePoint } | undefined;
}

export type MakeContent = (begin: readonly string[], end: string) => Content;

/**
 * Runs a migration and its tracking row as one transaction.
 *
 * @param contentOf makes the content of the statements that begin it, and of the text that ends it
 * @param durable see `beginOf`
 * @throws DbopsError when it failed and was rolled back
 */
export async function runInTransaction(
  step: Step,
  contentOf: MakeContent,
  run: Run,
  durable: boolean,
): Promise<void> {
  const { session } = run;
  const end = `${resetRole}; ${trackingSql(run, step)}; COMMIT; ${resetSettings(session)}`;
  const begin = beginOf(step, run, durable);
  const toStep = userPathOf(run, 'LOCAL');
  const content = step.guard
    ? guardedContent(step.guard, run, contentOf)(begin, end)
    : contentOf([...begin, toStep], end);
  await withLockRetries(session, retriesOf(step, run), async () => {
    try {
      await content.send();
    } catch (error) {
      await rollback(session);
      throw error;
    }
  }).catch(async (error: unknown) => {
    const failure = content.failureOf(error);
    if (!failure) throw error;
    const fate = isConnectionLoss(failure.cause) ? await fateOf(step, run) : 'rolled back';
    if (fate === 'committed') return;
    const aftermath = fate === 'unknown' ? unknownFate : rolledBack;
    throw await migrationFailed({ step, run, ...failure, aftermath });
  });
}

const rolledBack = 'It was rolled back: the database is as it was before this file.';
const unknownFate = 'Whether it was committed cannot be determined right now.';

export async function rollback(session: Session): Promise<void> {
  await session.script('ROLLBACK').catch(() => {});
}
