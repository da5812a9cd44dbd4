import { sqlstate } from '../db/sqlstate.ts';
import { isConnectionLoss } from '../db/connection-error.ts';
import { resetSettings } from '../db/search-path.ts';
import type { Statement } from '../sql/statements.ts';
import { saveCheckpoint, type CheckpointedStep } from './checkpoint.ts';
import { resetToRole, scriptOf } from './step.ts';

/** The error of a DO or CALL that commits, within a transaction. */
export const commitsItself = sqlstate.invalidTransactionTermination;

/** A statement that commits inside, and the progress of its file. */
interface SelfCommitting {
  step: CheckpointedStep;
  statement: Statement;
  /** What the file has SET so far. */
  settings: readonly string[];
  /** Parts of the file that are committed. */
  done: number;
}

/**
 * Runs a DO or CALL that ends transactions itself. The progress of one whose end is unknown cannot be
 * read, so it stays marked as started, and the next run refuses to guess. One that failed is started
 * again. It is not retried for a lock: what it has committed would be applied twice.
 */
export async function runCommitting({
  step,
  statement,
  settings,
  done,
}: SelfCommitting): Promise<void> {
  const { session, isPooled } = step.run;
  const save = (begun: boolean, parts: number) =>
    scriptOf(resetToRole, saveCheckpoint(step, { done: parts, begun }), resetSettings(session));
  await session.script(save(true, done));
  if (!isPooled)
    await session.script(scriptOf(...step.limits.session, step.userPath.session, ...settings));
  await session.alone(statement.sql).catch(async (error: unknown) => {
    if (!isConnectionLoss(error)) await session.script(save(false, done));
    throw error;
  });
  await session.script(save(false, done + 1));
}
