import { withLockRetries } from '../db/lock.ts';
import { toOwnPath } from '../db/search-path.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import { MigrationError, type Frame } from './send-migration.ts';
import { resetRole, type RowGuard, type RunningStep } from './step.ts';

/**
 * Sends a migration whose rows a guard saves. The frame is sent separately, because the guard works
 * between its first statements and the migration, in the same transaction.
 */
export async function sendGuarded(
  { run: { session }, userPath }: RunningStep,
  guard: RowGuard,
  send: (frame: Frame) => Promise<void>,
  { begin, end }: Frame,
): Promise<void> {
  const inner: Frame = { begin: [userPath.local], end: `${resetRole}; ${toOwnPath(session)}` };
  try {
    await session.script(begin.join('; '));
    await guard.around(session, () => send(inner), userPath.local);
    await session.script(end);
  } catch (error) {
    if (error instanceof DbopsError || error instanceof MigrationError) throw error;
    throw new MigrationError(error instanceof ScriptError ? error.cause : error);
  }
}

/** Saves the rows that a script outside a transaction destroys, in a transaction before it. */
export async function guardBefore(step: RunningStep): Promise<void> {
  const { guard, run, userPath } = step;
  if (!guard) return;
  const hasCopied = await inOwnTransaction(step, (session) =>
    guard.before(session, userPath.local),
  );
  if (!hasCopied) return;
  run.onNote(
    step,
    'runs outside a transaction: rows written between the copy and the statement that destroys them are not saved',
  );
}

/** Finds what a script outside a transaction destroyed, in a transaction after it. */
export async function guardAfter(step: RunningStep): Promise<void> {
  const { guard } = step;
  if (guard) await inOwnTransaction(step, (session) => guard.after(session));
}

async function inOwnTransaction<T>(
  { run: { session }, limits, retry }: RunningStep,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withLockRetries(session, retry, async () => {
    try {
      await session.script(['BEGIN', ...limits.local].join('; '));
      const result = await work(session);
      await session.script('COMMIT');
      return result;
    } catch (error) {
      await session.script('ROLLBACK').catch(() => {});
      throw error instanceof ScriptError ? error.cause : error;
    }
  });
}
