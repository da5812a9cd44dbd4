import { quoteIdentifier as q } from '../../db/quote.ts';
import type { Session } from '../../db/session.ts';
import { copyOf, type RescueRecord } from '../record.ts';
import type { Shape, ShapeColumn } from '../table-shape.ts';

/**
 * Returns why a copy cannot be restored, if it cannot. A column of another type is a reason,
 * unless it represents each saved value exactly.
 */
export async function findObstacle(
  session: Session,
  record: RescueRecord,
  shape: Shape | undefined,
): Promise<string | undefined> {
  const { loss, key } = record;
  const table = `${loss.schema}.${loss.table}`;
  if (!shape) return `table ${table} does not exist`;
  const live = new Map(shape.columns.map((column) => [column.name, column]));
  for (const { name, type } of record.columns) {
    const isWritten = loss.kind !== 'column' || name === loss.column;
    if (!isWritten && !key.includes(name)) continue;
    const column = live.get(name);
    if (!column) return `column ${table}.${name} does not exist`;
    if (!isWritten) continue;
    if (column.isGenerated) return `column ${name} is now a generated column`;
    if (column.type !== type && !(await holds(session, record, column, type)))
      return `column ${name} has type ${column.type}, but the saved values have type ${type}`;
  }
  return undefined;
}

/** Whether every kept value, brought to the type of the column, says the same as before. */
async function holds(
  session: Session,
  record: RescueRecord,
  { name, type }: ShapeColumn,
  was: string,
): Promise<boolean> {
  const value = `k.${q(name)}`;
  // Spelled alike, or alike once it is of the old type again: 1.5 and 1.5000.
  for (const brought of [`${value}::${type}`, `${value}::${type}::${was}`]) {
    const others = await attempted(
      session,
      `SELECT FROM ${copyOf(record)} k WHERE (${brought})::text IS DISTINCT FROM ${value}::text LIMIT 1`,
    );
    if (others?.length === 0) return true;
  }
  return false;
}

/** The rows of a query in the caller's transaction; undefined when the server has no cast or type for it. */
export async function attempted(session: Session, sql: string): Promise<unknown[] | undefined> {
  await session.script('SAVEPOINT dbops_attempt');
  try {
    return await session.query(sql);
  } catch {
    return undefined;
  } finally {
    await session.script('ROLLBACK TO SAVEPOINT dbops_attempt');
  }
}
