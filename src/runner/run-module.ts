import { isConnectionLoss } from '../db/connection-error.ts';
import { resetSettings } from '../db/search-path.ts';
import { ScriptError } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { LoadedModule } from '../formats/format.ts';
import { fateOf } from './after-connection-loss.ts';
import { migrationFailed } from './failure/explain-failure.ts';
import { rollback, runInTransaction } from './in-transaction.ts';
import { sendModule } from './send-migration.ts';
import { resetRole, resetSession, type RunningStep } from './step.ts';
import { guardAfter, guardBefore } from './with-row-guard.ts';

/**
 * Runs a module with its tracking row, in one transaction unless the module opts out.
 * @param durable see `beginOf`
 * @throws DbopsError when it failed
 */
export async function runModule(
  step: RunningStep,
  module: LoadedModule,
  durable: boolean,
): Promise<void> {
  if (step.directives.noTransaction || module.noTransaction) return runOutside(step, module);
  const { session } = step.run;
  await runInTransaction(step, (frame) => sendModule(session, module, frame), durable);
}

/** A lock timeout is not retried: what the module did before it remains. */
async function runOutside(step: RunningStep, module: LoadedModule): Promise<void> {
  const { session, isPooled } = step.run;
  await guardBefore(step);
  try {
    // Behind a pooler, a setting would remain on a connection that other clients use next.
    if (!isPooled) await session.script([...step.limits.session, step.userPath.session].join('; '));
    await module.run(session, false);
    await assertNoOpenTransaction(step);
    if (!isPooled) await session.script(resetSession(session));
    await guardAfter(step);
    await session.script(`${resetRole}; ${step.trackingSql}; ${resetSettings(session)}`);
  } catch (error) {
    if (!isPooled) await session.script(resetSession(session)).catch(() => {});
    if (error instanceof DbopsError) throw error;
    const cause = error instanceof ScriptError ? error.cause : error;
    const fate = isConnectionLoss(cause) ? await fateOf(step) : 'rolled back';
    if (fate === 'committed') return;
    const aftermath = fate === 'unknown' ? unknownRecord : withoutRecord;
    throw await migrationFailed({ step, cause, aftermath });
  }
}

const withoutRecord =
  'It runs outside a transaction: what it did before the error remains, and it is not recorded.';
const unknownRecord =
  'It runs outside a transaction: what it did remains, and whether it was recorded cannot be determined right now.';

/** The tracking row would be part of the open transaction, and be lost when the session ends. */
async function assertNoOpenTransaction({
  migration,
  script,
  run: { session },
}: RunningStep): Promise<void> {
  if (session.client.getTransactionStatus() === 'I') return;
  await rollback(session);
  throw new DbopsError({
    code: 'MIGRATION.OPEN_TRANSACTION',
    exitCode: exitCodes.failed,
    message: `${migration.name} began a transaction and did not end it. The transaction was rolled back; earlier changes of the module remain, and the migration is not recorded.`,
    reason: [script.file],
    hint: `Add COMMIT for its BEGIN, or remove both: without no-transaction, a migration runs in its own transaction.`,
  });
}
