import { ScriptError } from '../db/session.ts';
import { withLockRetries } from '../db/lock.ts';
import { DbopsError } from '../errors.ts';
import { loadModule } from '../formats/load-module.ts';
import type { ModuleScript } from '../migration.ts';
import { migrationFailed } from './failure.ts';
import {
  limitsOf,
  resetRole,
  resetSettings,
  retriesOf,
  trackingSql,
  type Run,
  type Step,
} from './step.ts';
import { rollback } from './transactional.ts';

/**
 * Runs a module and its tracking row in one transaction, unless it asks for none.
 *
 * @throws DbopsError when the module can not be loaded, or failed and was rolled back
 */
export async function runModule(step: Step, script: ModuleScript, run: Run): Promise<void> {
  const module = await loadModule(run.folder.format, script, step.direction);
  const { session } = run;
  const record = `${resetRole}; ${trackingSql(run, step)}`;
  const inTransaction = async () => {
    try {
      await session.script(['BEGIN', ...limitsOf(step, run, 'LOCAL')].join('; '));
      await module.run(session, true);
      await session.script(`${record}; COMMIT; ${resetSettings}`);
    } catch (error) {
      await rollback(session);
      throw error;
    }
  };
  // Not repeated when a lock is not had: what it did until then stands.
  const alone = async () => {
    await session.script(limitsOf(step, run, 'SESSION').join('; '));
    await module.run(session, false);
    await session.script(`${record}; ${resetSettings}`);
  };
  const noTransaction = step.directives.noTransaction || module.noTransaction;
  const work = noTransaction
    ? alone()
    : withLockRetries(session, retriesOf(step, run), inTransaction);
  await work.catch(async (error: unknown) => {
    if (error instanceof DbopsError) throw error;
    const cause = error instanceof ScriptError ? error.cause : error;
    const aftermath = noTransaction
      ? 'It runs outside a transaction: what it did before the error stands.'
      : 'It was rolled back: the database is as it was before this file.';
    throw await migrationFailed({ step, cause, aftermath });
  });
}
