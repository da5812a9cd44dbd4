import { backfillNamed } from '../backfill/index.ts';
import { runBackfill } from '../backfill/run.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Step } from '../migrate/step.ts';

/** Makes sure that what `-- dbops: requires-backfill NAME` asks for is done before the step runs. */
export function requireBackfill(context: Context, session: Session, { run }: { run: boolean }) {
  return async ({ directives, migration }: Step): Promise<void> => {
    for (const name of directives.requiresBackfill) {
      const definition = backfillNamed(name);
      const { progress, signal } = context;
      const account = await runBackfill(session, definition, {
        write: run,
        signal,
        onProgress: (line) => progress.update(line),
      });
      if (account.open === 0) {
        if (account.changed > 0)
          context.note(
            `backfill ${name}: ${account.changed} of ${account.total} rows filled before ${migration.name}`,
          );
        continue;
      }
      throw new DbopsError({
        code: 'BACKFILL.INCOMPLETE',
        exitCode: exitCodes.failed,
        message: `${migration.name} requires the backfill ${name}, and ${account.open} rows are still open; the migration was not begun.`,
        reason: account.samples,
        hint: `See what is open, and fill it, with: dbops backfill run ${name}`,
      });
    }
  };
}
