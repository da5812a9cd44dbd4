import { ScriptError } from '../db/session.ts';
import { kyselyOf } from '../db/kysely.ts';
import { withLockRetries } from '../db/lock.ts';
import { DbopsError } from '../errors.ts';
import { loadMigrate } from '../formats/kysely-module.ts';
import { migrationFailed } from './failure.ts';
import { localSettings, retriesOf, trackingSql, type RunSettings, type Step } from './step.ts';

/**
 * Runs `up(db)` or `down(db)` of a Kysely module and the tracking row in one transaction.
 * The module gets a Kysely `Transaction`, which refuses to begin another inside.
 *
 * @throws DbopsError when the module can not be loaded, or failed and was rolled back
 */
export async function runModule(step: Step, run: RunSettings): Promise<void> {
  const migrate = await loadMigrate(step.script.file, step.direction);
  const db = kyselyOf<unknown>(run.session);
  const inTransaction = () =>
    db.transaction().execute(async (transaction) => {
      await run.session.script(localSettings(step, run));
      await migrate(transaction);
      await run.session.script(trackingSql(run.tracking, step));
    });
  const alone = async () => {
    await migrate(db);
    await run.session.script(trackingSql(run.tracking, step));
  };
  const { noTransaction } = step.directives;
  await withLockRetries(
    run.session,
    retriesOf(step, run),
    noTransaction ? alone : inTransaction,
  ).catch(async (error: unknown) => {
    if (error instanceof DbopsError) throw error;
    const cause = error instanceof ScriptError ? error.cause : error;
    const aftermath = noTransaction
      ? 'It runs outside a transaction: what it did before the error stands.'
      : 'It was rolled back: the database is as it was before this file.';
    throw await migrationFailed({ step, cause, aftermath });
  });
}
