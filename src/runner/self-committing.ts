import { sqlstate } from '../db/sqlstate.ts';
import { isConnectionLoss } from '../db/connection-error.ts';
import { resetSettings } from '../db/search-path.ts';
import type { Statement } from '../sql/statements.ts';
import { saveCheckpoint, type CheckpointedStep } from './checkpoint.ts';
import { resetToRole, scriptOf } from './step.ts';

/** The error of a DO or CALL that commits, within a transaction. */
export const commitsItself = sqlstate.invalidTransactionTermination;

/** A statement that commits inside, and its place in the file. */
interface SelfCommitting {
  step: CheckpointedStep;
  statement: Statement;
  /** The SET statements of the file so far. */
  settings: readonly string[];
  /** Number of committed parts of the file. */
  done: number;
}

/**
 * Runs a DO or CALL that commits inside. After a lost connection its progress is unknown, so the
 * checkpoint stays at "started" and the next run stops. A failed one starts again from its
 * beginning; it is not retried after a lock timeout, because what it committed would run twice.
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
