import { isConnectionLoss } from '../db/connection-error.ts';
import { Opening } from '../db/opening.ts';
import { resetSettings } from '../db/search-path.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { LoadedModule } from '../formats/format.ts';
import { migrationFailed } from './failure/explain-failure.ts';
import { fateOf } from './after-connection-loss.ts';
import { afterAlone, beforeAlone } from './with-row-guard.ts';
import {
  limitsOf,
  resetRole,
  toThePlain,
  trackingSql,
  userPathOf,
  type Run,
  type Step,
} from './step.ts';
import { rollback, runInTransaction, type Content } from './in-transaction.ts';

/**
 * Runs a module and its tracking row in one transaction, unless it asks for none.
 *
 * @param durable see `beginOf`
 * @throws DbopsError when it failed and was rolled back
 */
export async function runModule(
  step: Step,
  module: LoadedModule,
  run: Run,
  durable: boolean,
): Promise<void> {
  if (step.directives.noTransaction || module.noTransaction) return runAlone(step, module, run);
  await runInTransaction(step, (...frame) => messages(module, run.session, ...frame), run, durable);
}

/** A message for each statement of the module; the first begins the transaction too. */
function messages(
  module: LoadedModule,
  session: Session,
  begin: readonly string[],
  end: string,
): Content {
  return {
    async send() {
      const opening = new Opening(begin);
      await module.run(session, true, opening);
      await session.script([...opening.take(), end].join('; '));
    },
    failureOf: (error) => (error instanceof DbopsError ? undefined : { cause: causeOf(error) }),
  };
}

/** Not repeated when a lock is not had: what it did until then stands. */
async function runAlone(step: Step, module: LoadedModule, run: Run): Promise<void> {
  const { session } = run;
  await beforeAlone(step, run);
  try {
    // Behind a pooler a setting would stay with a connection that others use next.
    if (!run.isPooled) {
      const settings = [...limitsOf(step, run, 'SESSION'), userPathOf(run, 'SESSION')];
      await session.script(settings.join('; '));
    }
    await module.run(session, false);
    await refuseOpenTransaction(step, run);
    if (!run.isPooled) await session.script(toThePlain(run));
    await afterAlone(step, run);
    await session.script(`${resetRole}; ${trackingSql(run, step)}; ${resetSettings(session)}`);
  } catch (error) {
    if (!run.isPooled) await session.script(toThePlain(run)).catch(() => {});
    if (error instanceof DbopsError) throw error;
    const cause = causeOf(error);
    const fate = isConnectionLoss(cause) ? await fateOf(step, run) : 'rolled back';
    if (fate === 'committed') return;
    const aftermath = fate === 'unknown' ? unknownRecord : withoutRecord;
    throw await migrationFailed({ step, run, cause, aftermath });
  }
}

const withoutRecord =
  'It runs outside a transaction: what it did before the error remains, and it is not recorded.';
const unknownRecord =
  'It runs outside a transaction: what it did remains, and whether it was recorded cannot be determined right now.';

/** Our tracking row would become part of it, and be lost with it when the session ends. */
async function refuseOpenTransaction({ migration, script }: Step, { session }: Run): Promise<void> {
  if (session.client.getTransactionStatus() === 'I') return;
  await rollback(session);
  throw new DbopsError({
    code: 'MIGRATION.OPEN_TRANSACTION',
    exitCode: exitCodes.failed,
    message: `${migration.name} began a transaction and did not end it. The transaction was rolled back; what the module did before remains, and the migration is not recorded.`,
    reason: [script.file],
    hint: `Add COMMIT for its BEGIN, or remove both: without no-transaction, a migration runs in its own transaction.`,
  });
}

function causeOf(error: unknown): unknown {
  return error instanceof ScriptError ? error.cause : error;
}
