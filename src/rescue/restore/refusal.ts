import { quoteIdentifier as q } from '../../db/quote.ts';
import type { Session } from '../../db/session.ts';
import { copyOf, type RescueRecord } from '../record.ts';
import type { Shape, ShapeColumn } from '../table-shape.ts';

/**
 * Returns why a copy cannot be restored now; undefined when it can. A column of another type is
 * accepted where each copied value converts without a change.
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

/** Returns whether every copied value survives the conversion to the column's type. */
async function holds(
  session: Session,
  record: RescueRecord,
  { name, type }: ShapeColumn,
  was: string,
): Promise<boolean> {
  const value = `k.${q(name)}`;
  // Equal texts, or equal after the conversion back: 1.5 and 1.5000.
  for (const brought of [`${value}::${type}`, `${value}::${type}::${was}`]) {
    const others = await attempted(
      session,
      `SELECT FROM ${copyOf(record)} k WHERE (${brought})::text IS DISTINCT FROM ${value}::text LIMIT 1`,
    );
    if (others?.length === 0) return true;
  }
  return false;
}

/**
 * Returns the rows of a query in the caller's transaction; undefined where the cast or type does
 * not exist.
 */
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
