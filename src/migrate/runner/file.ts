import { codeOf } from '../../db/connection-error.ts';
import { DbopsError } from '../../errors.ts';
import { needsCommits, type Execution } from '../../sql/execution.ts';
import type { Run, Step } from '../step.ts';
import { runStepwise } from './stepwise.ts';
import { runInTransaction } from './transactional.ts';

/**
 * Runs an SQL file: as one transaction, or part by part where it asks for that or the server does.
 *
 * @param durable whether the commit waits for the disk
 * @throws DbopsError when it failed
 */
export async function runFile(
  step: Step,
  { sql, source, isStepwise, forcedBy }: Execution,
  run: Run,
  durable: boolean,
): Promise<void> {
  if (forcedBy) run.onNote(step, `${outside} for line ${forcedBy.line}: ${begin(forcedBy.sql)}`);
  if (isStepwise) return runStepwise(step, source, run);
  try {
    await runInTransaction(step, sql, run, durable);
  } catch (error) {
    const reason = error instanceof DbopsError ? codeOf(error.cause) : '';
    if (run.folder.format.needsDirective || !needsCommits.has(reason)) throw error;
    run.onNote(step, `${outside}: the server refuses it as one (SQLSTATE ${reason})`);
    await runStepwise(step, source, run);
  }
}

const outside = 'runs outside a transaction, statement by statement,';

function begin(sql: string): string {
  return sql.split(/\s+/).slice(0, 4).join(' ');
}
