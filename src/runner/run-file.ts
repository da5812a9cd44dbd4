import { codeOf } from '../db/connection-error.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import { needsCommits, type ExecutionPlan } from '../sql/execution.ts';
import { offsetOfError } from '../sql/error-position.ts';
import type { Run, Step } from './step.ts';
import { runStepwise } from './statement-by-statement.ts';
import { runInTransaction, type Content } from './in-transaction.ts';

/**
 * Runs an SQL file: as one transaction, or part by part where it asks for that or the server does.
 *
 * @param durable whether the commit waits for the disk
 * @throws DbopsError when it failed
 */
export async function runFile(
  step: Step,
  { sql, source, isStepwise, forcedBy }: ExecutionPlan,
  run: Run,
  durable: boolean,
): Promise<void> {
  if (forcedBy) run.onNote(step, `${outside} for line ${forcedBy.line}: ${begin(forcedBy.sql)}`);
  if (isStepwise) return runStepwise(step, source, run);
  try {
    await runInTransaction(
      step,
      (...frame) => oneMessage(sql, run.session, ...frame),
      run,
      durable,
    );
  } catch (error) {
    const reason = error instanceof DbopsError ? codeOf(error.cause) : '';
    if (run.folder.format.needsDirective || !needsCommits.has(reason)) throw error;
    run.onNote(step, `${outside}: the server refuses it as one (SQLSTATE ${reason})`);
    await runStepwise(step, source, run);
  }
}

/** All of a file is one message, with its transaction: one round trip. */
function oneMessage(
  sql: string,
  session: Session,
  before: readonly string[],
  after: string,
): Content {
  const prefix = before.map((statement) => `${statement}; `).join('');
  // A comment may end the file without a newline, and would swallow what follows.
  const sent = `${prefix}${sql}\n; ${after}`;
  return {
    send: () => session.script(sent),
    failureOf(error) {
      if (!(error instanceof ScriptError)) return undefined;
      const { cause } = error;
      const completed = Math.max(0, error.completed - before.length);
      const offset = offsetOfError(cause, sent, prefix.length);
      return { cause, point: { sql, completed, offset } };
    },
  };
}

const outside = 'runs outside a transaction, statement by statement,';

function begin(sql: string): string {
  return sql.split(/\s+/).slice(0, 4).join(' ');
}
