import { isConnectionLoss } from '../../db/connection-error.ts';
import { resetSettings } from '../../db/search-path.ts';
import type { Statement } from '../../sql/statements.ts';
import { saveCheckpoint, type CheckpointedStep } from './checkpoint.ts';
import { limitsOf, scriptOf, toTheRole, userPathOf, type Run } from '../step.ts';

/** SQLSTATE invalid_transaction_termination: a DO or CALL that commits, within a transaction. */
export const commitsItself = '2D000';

/** A statement that commits by itself, and where its file stands. */
interface SelfCommitting {
  step: CheckpointedStep;
  statement: Statement;
  /** What the file has SET so far. */
  settings: readonly string[];
  /** Parts of the file that are committed. */
  done: number;
}

/**
 * Runs a DO or CALL that ends transactions itself. How far one came that nobody saw end can't be
 * asked, so it stays marked as begun, and the next run refuses to guess. One that failed is begun
 * anew. It is not repeated for a lock: what it has committed would be done twice.
 */
export async function runCommitting(
  { step, statement, settings, done }: SelfCommitting,
  run: Run,
): Promise<void> {
  const { session, isPooled } = run;
  const save = (begun: boolean, parts: number) =>
    scriptOf(toTheRole, saveCheckpoint(step, run, { done: parts, begun }), resetSettings(session));
  await session.script(save(true, done));
  if (!isPooled)
    await session.script(
      scriptOf(...limitsOf(step, run, 'SESSION'), userPathOf(run, 'SESSION'), ...settings),
    );
  await session.alone(statement.sql).catch(async (error: unknown) => {
    if (!isConnectionLoss(error)) await session.script(save(false, done));
    throw error;
  });
  await session.script(save(false, done + 1));
}
