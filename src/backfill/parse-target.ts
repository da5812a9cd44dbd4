import {
  readAssignment,
  readExpression,
  readTable,
  type TableReference,
} from '../sql/expression.ts';
import type { BackfillTarget } from './definition.ts';

/**
 * Parses all SQL of a target, without a database.
 *
 * @param backfill the name of its backfill, for messages
 * @returns the table and the column that it fills
 * @throws usage error for text that PostgreSQL's grammar rejects
 */
export async function parseTarget(
  target: BackfillTarget,
  backfill: string,
): Promise<{ table: TableReference; column: string }> {
  const table = await readTable(target.table, `table of ${backfill}`);
  const { column } = await readAssignment(target.set, `set of ${backfill}`);
  if (target.from !== undefined) await readTable(target.from, `from of ${backfill}`);
  for (const word of ['on', 'where', 'done'] as const)
    if (target[word] !== undefined) await readExpression(target[word], `${word} of ${backfill}`);
  return { table, column };
}
