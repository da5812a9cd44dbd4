import { isConnectionLoss } from '../../db/connection-error.ts';
import { ScriptError } from '../../db/session.ts';
import { withLockRetries } from '../../db/lock.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import type { LoadedModule } from '../../formats/format.ts';
import { loadModule } from '../../formats/load-module.ts';
import type { ModuleScript } from '../../migration.ts';
import { migrationFailed } from '../failure/failure.ts';
import { fateOf } from './fate.ts';
import { sendGuarded } from './guarded.ts';
import {
  limitsOf,
  resetRole,
  resetSettings,
  retriesOf,
  trackingSql,
  type Run,
  type Step,
} from '../step.ts';
import { rollback, rolledBack, unknownFate } from './transactional.ts';

/**
 * Runs a module and its tracking row in one transaction, unless it asks for none.
 *
 * @param durable see `beginOf`
 * @throws DbopsError when the module can not be loaded, or failed and was rolled back
 */
export async function runModule(
  step: Step,
  script: ModuleScript,
  run: Run,
  durable: boolean,
): Promise<void> {
  const module = await loadModule(run.folder.format, script, step.direction);
  if (step.directives.noTransaction || module.noTransaction) await runAlone(step, module, run);
  else await runInTransaction(step, module, run, durable);
}

async function runInTransaction(
  step: Step,
  module: LoadedModule,
  run: Run,
  durable: boolean,
): Promise<void> {
  const { session } = run;
  await withLockRetries(session, retriesOf(step, run), async () => {
    try {
      await sendGuarded(step, run, durable, async () => void (await module.run(session, true)));
    } catch (error) {
      await rollback(session);
      throw error;
    }
  }).catch(async (error: unknown) => {
    const fate = isConnectionLoss(causeOf(error)) ? await fateOf(step, run) : 'rolled back';
    if (fate === 'committed') return;
    throw await failed(step, run, error, fate === 'unknown' ? unknownFate : rolledBack);
  });
}

/** Not repeated when a lock is not had: what it did until then stands. */
async function runAlone(step: Step, module: LoadedModule, run: Run): Promise<void> {
  const { session } = run;
  try {
    // Behind a pooler a setting would stay with a connection that others use next.
    if (!run.isPooled) await session.script(limitsOf(step, run, 'SESSION').join('; '));
    await module.run(session, false);
    await refuseOpenTransaction(step, run);
    await session.script(`${recordOf(step, run)}; ${resetSettings}`);
  } catch (error) {
    const fate = isConnectionLoss(causeOf(error)) ? await fateOf(step, run) : 'rolled back';
    if (fate === 'committed') return;
    throw await failed(step, run, error, fate === 'unknown' ? unknownRecord : withoutRecord);
  }
}

const withoutRecord =
  'It runs outside a transaction: what it did before the error stands, and it is not recorded.';
const unknownRecord =
  'It runs outside a transaction: what it did stands, and whether it was recorded can not be asked right now.';

/** Our tracking row would become part of it, and be lost with it when the session ends. */
async function refuseOpenTransaction({ migration, script }: Step, { session }: Run): Promise<void> {
  if (session.client.getTransactionStatus() === 'I') return;
  await rollback(session);
  throw new DbopsError({
    code: 'MIGRATION.OPEN_TRANSACTION',
    exitCode: exitCodes.failed,
    message: `${migration.name} began a transaction and did not end it. It was rolled back; what the module did before stands, and it is not recorded.`,
    reason: [script.file],
    hint: `Let it send COMMIT for its BEGIN, or remove both: without no-transaction a migration has a transaction of its own.`,
  });
}

function recordOf(step: Step, run: Run): string {
  return `${resetRole}; ${trackingSql(run, step)}`;
}

async function failed(step: Step, run: Run, error: unknown, aftermath: string): Promise<unknown> {
  if (error instanceof DbopsError) return error;
  return migrationFailed({ step, run, cause: causeOf(error), aftermath });
}

function causeOf(error: unknown): unknown {
  return error instanceof ScriptError ? error.cause : error;
}
