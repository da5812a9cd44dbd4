import { ScriptError } from '../db/session.ts';
import { kyselyOf } from '../db/kysely.ts';
import { withLockRetries } from '../db/lock.ts';
import { DbopsError } from '../errors.ts';
import { loadMigrate } from '../formats/kysely-module.ts';
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

/**
 * Runs `up(db)` or `down(db)` of a Kysely module and the tracking row in one transaction.
 * The module gets a Kysely `Transaction`, which refuses to begin another inside.
 *
 * @throws DbopsError when the module can not be loaded, or failed and was rolled back
 */
export async function runModule(step: Step, run: Run): Promise<void> {
  const migrate = await loadMigrate(step.script.file, step.direction);
  const { session, tracking } = run;
  const db = kyselyOf<unknown>(session);
  const record = `${resetRole}; ${trackingSql(tracking, step)}`;
  const inTransaction = async () => {
    await db.transaction().execute(async (transaction) => {
      await session.script(limitsOf(step, run, 'LOCAL').join('; '));
      await migrate(transaction);
      await session.script(record);
    });
    await session.script(resetSettings);
  };
  // Not repeated when a lock is not had: what it did until then stands.
  const alone = async () => {
    await session.script(limitsOf(step, run, 'SESSION').join('; '));
    await migrate(db);
    await session.script(`${record}; ${resetSettings}`);
  };
  const { noTransaction } = step.directives;
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
