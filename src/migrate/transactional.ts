import { ScriptError, type Session } from '../db/session.ts';
import { withLockRetries } from '../db/lock.ts';
import { usageError } from '../errors.ts';
import { splitStatements, SqlSyntaxError } from '../sql/statements.ts';
import { migrationFailed, offsetInFile } from './failure.ts';
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
 * Runs an SQL file and its tracking row as one transaction in one round trip.
 *
 * @param durable whether the commit waits for the disk. A commit that does not wait can be lost in
 *   a server crash, but only together with its tracking row, and the next durable one flushes it.
 * @throws DbopsError when it failed and was rolled back
 */
export async function runInTransaction(
  step: Step,
  sql: string,
  run: Run,
  durable: boolean,
): Promise<void> {
  await refuseTransactionControl(step, sql);
  const commit = durable ? [] : ['SET LOCAL synchronous_commit = off'];
  const before = ['BEGIN', ...limitsOf(step, run, 'LOCAL'), ...commit];
  const prefix = before.map((statement) => `${statement}; `).join('');
  const record = `${resetRole}; ${trackingSql(run.tracking, step)}`;
  // A comment may end the file without a newline, and would swallow what follows.
  const sent = `${prefix}${sql}\n; ${record}; COMMIT; ${resetSettings}`;
  const { session } = run;
  await withLockRetries(session, retriesOf(step, run), async () => {
    try {
      await session.script(sent);
    } catch (error) {
      await rollback(session);
      throw error;
    }
  }).catch(async (error: unknown) => {
    if (!(error instanceof ScriptError)) throw error;
    const point = {
      sql,
      completed: Math.max(0, error.completed - before.length),
      offset: offsetInFile(error.cause, sent, prefix.length),
    };
    throw await migrationFailed({
      step,
      cause: error.cause,
      point,
      aftermath: 'It was rolled back: the database is as it was before this file.',
    });
  });
}

export async function rollback(session: Session): Promise<void> {
  await session.script('ROLLBACK').catch(() => {});
}

const mayControlTransaction = /\b(?:begin|start|commit|end|rollback|abort|savepoint|prepare)\b/i;

/** A COMMIT in the file would end our transaction half-way and keep half of a failing file. */
async function refuseTransactionControl(step: Step, sql: string): Promise<void> {
  if (!mayControlTransaction.test(sql)) return;
  const statements = await splitStatements(sql).catch((error: unknown) => {
    if (error instanceof SqlSyntaxError) return []; // the server's own message is better
    throw error;
  });
  const control = statements.find(({ controlsTransaction }) => controlsTransaction);
  if (control)
    throw usageError(
      'MIGRATION.TRANSACTION_CONTROL',
      `${step.migration.name} begins or ends a transaction itself (line ${control.line}).`,
      'Remove BEGIN and COMMIT: every file runs in a transaction of its own. For statements that can not, use "-- dbops: no-transaction".',
      [step.script.file],
    );
}
