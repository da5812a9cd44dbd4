import { usageError, type DbopsError } from '../errors.ts';
import { splitStatements, SqlSyntaxError, type Statement } from '../sql/statements.ts';
import { loadModule } from '../formats/load-module.ts';
import type { Format } from '../formats/format.ts';
import type { Step } from './step.ts';

/** A cheap look that spares most files the parser. */
const suspicious =
  /\b(?:begin|start|commit|end|rollback|abort|savepoint|prepare)\b|\bfrom\s+stdin\b/i;

/**
 * Looks at all steps before the first is run: what no server could run as part of a migration is
 * refused while nothing has been tried.
 *
 * @throws usage error naming the file, and the line where there is one
 */
export async function preflight(steps: readonly Step[], format: Format): Promise<void> {
  for (const step of steps) {
    const { script } = step;
    if (script.kind === 'module') await loadModule(format, script, step.direction);
    else if (suspicious.test(script.sql))
      for (const statement of await statementsOf(script.sql)) refuse(step, statement);
  }
}

/** Of a syntax error the server tells more, with the transaction's fate: it is left to the run. */
async function statementsOf(sql: string): Promise<Statement[]> {
  try {
    return await splitStatements(sql);
  } catch (error) {
    if (error instanceof SqlSyntaxError) return [];
    throw error;
  }
}

function refuse(step: Step, { controlsTransaction, readsStdin, line }: Statement): void {
  if (controlsTransaction) throw endsOurTransaction(step, line);
  if (readsStdin)
    throw usageError(
      'MIGRATION.COPY',
      `${step.migration.name} copies rows from standard input (line ${line}), which only psql can do.`,
      'Write them as INSERT … VALUES, or load them with psql or dbops seed.',
      [step.script.file],
    );
}

/** A COMMIT in the file would end our transaction half-way and keep half of a failing file. */
function endsOurTransaction(step: Step, line: number): DbopsError {
  return usageError(
    'MIGRATION.TRANSACTION_CONTROL',
    `${step.migration.name} begins or ends a transaction itself (line ${line}).`,
    step.directives.noTransaction
      ? 'Remove BEGIN and COMMIT, or the directive no-transaction: with it each statement runs by itself.'
      : 'Remove BEGIN and COMMIT: every file runs in a transaction of its own. For statements that can not, use "-- dbops: no-transaction".',
    [step.script.file],
  );
}
