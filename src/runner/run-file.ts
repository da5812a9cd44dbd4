import type { ExecutionPlan } from '../sql/execution.ts';
import { runInTransaction } from './in-transaction.ts';
import { sendFile, sendWhole } from './send-migration.ts';
import type { RunningStep } from './step.ts';

/**
 * Runs an SQL file with its tracking row: in one transaction, or statement by statement.
 *
 * @param durable see `beginOf`
 * @throws DbopsError when it failed
 */
export async function runFile(
  step: RunningStep,
  execution: ExecutionPlan,
  durable: boolean,
): Promise<void> {
  const { run } = step;
  const { forcedBy } = execution;
  if (forcedBy)
    run.onNote(step, `${outside}, because of line ${forcedBy.line}: ${firstWords(forcedBy.sql)}`);
  await sendFile(execution, run.folder.format, {
    whole: (sql) => runInTransaction(step, (frame) => sendWhole(run.session, sql, frame), durable),
    async byStatement(source, refusal) {
      if (refusal !== undefined) run.onNote(step, `${outside}: ${notInOne(refusal)}`);
      const { runStepwise } = await import('./statement-by-statement.ts');
      await runStepwise(step, source);
    },
  });
}

const outside = 'runs outside a transaction, statement by statement';

function notInOne(sqlstate: string): string {
  return `the server does not accept it as one transaction (SQLSTATE ${sqlstate})`;
}

function firstWords(sql: string): string {
  return sql.split(/\s+/).slice(0, 4).join(' ');
}
