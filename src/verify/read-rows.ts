import { isConnectionLoss } from '../db/connection-error.ts';
import { withSavepoint, type Session } from '../db/session.ts';
import { messageOf } from '../errors.ts';

/** Milliseconds that one check may take; the embedded engine has no timers. */
export const checkTimeout = 30_000;

/** Milliseconds that a check waits for a lock on a table, and that reading one table does. */
export const checkLockTimeout = 5_000;
const readLockTimeout = 1_000;

/** What a query returned of a table, or why it did not run. */
export type Reading<R> = { rows: R[] } | { failure: string };

/** Reads tables for one check, until its time is over. */
export interface RowReader {
  /**
   * Runs a query behind a savepoint of its own.
   *
   * @param limit milliseconds
   * @throws lost connection
   */
  read<R extends Record<string, unknown>>(sql: string, limit: number): Promise<Reading<R>>;
}

export function rowReader(session: Session): RowReader {
  const end = performance.now() + checkTimeout;
  return {
    async read<R extends Record<string, unknown>>(sql: string, limit: number) {
      const rest = Math.round(end - performance.now());
      if (rest < 1) return { failure: 'the time of the check was over' };
      try {
        return {
          rows: await withSavepoint(session, async () => {
            await session.script(
              `SET LOCAL statement_timeout = ${Math.min(rest, limit)}; SET LOCAL lock_timeout = ${readLockTimeout}`,
            );
            const rows = await session.query<R>(sql);
            await session.script(
              `SET LOCAL statement_timeout = ${checkTimeout}; SET LOCAL lock_timeout = ${checkLockTimeout}`,
            );
            return rows;
          }),
        };
      } catch (error) {
        if (isConnectionLoss(error)) throw error;
        return { failure: messageOf(error) };
      }
    },
  };
}
