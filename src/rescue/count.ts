import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { readAllRows } from '../db/row-security.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { planCopy, rowsOf } from './copy-rows.ts';
import type { Destroyed } from './record.ts';
import { keyOf, readShapes, type Shape } from './table-shape.ts';

export interface LossCount {
  loss: Destroyed;
  /** `null`: unknown, because another migration runs first or the role may not read the table. */
  rows: number | null;
}

/**
 * Counts the rows or values that each loss of each migration would destroy now. The tables are read
 * once.
 *
 * @returns one list for each migration
 */
export async function countLosses(
  session: Session,
  migrations: readonly (readonly Destroyed[])[],
): Promise<LossCount[][]> {
  const all = migrations.flat();
  if (all.length === 0) return migrations.map(() => []);
  const shapes = await readShapesAlone(session, all);
  const counts: LossCount[][] = [];
  for (const losses of migrations) counts.push(await countIn(session, shapes, losses));
  return counts;
}

async function countIn(
  session: Session,
  shapes: ReadonlyMap<string, Shape>,
  losses: readonly Destroyed[],
): Promise<LossCount[]> {
  const counts: LossCount[] = [];
  for (const loss of losses) {
    const shape = shapes.get(keyOf(loss));
    const copy = shape && planCopy(shape, loss, losses);
    counts.push({ loss, rows: copy ? await count(session, rowsOf(copy)) : null });
  }
  return counts;
}

async function readShapesAlone(session: Session, losses: readonly Destroyed[]) {
  await session.script('BEGIN READ ONLY');
  try {
    return await readShapes(session, losses);
  } finally {
    await session.script('ROLLBACK');
  }
}

async function count(session: Session, rows: string): Promise<number | null> {
  await session.script(`BEGIN READ ONLY; ${readAllRows}`);
  try {
    const [row] = await session.query<{ rows: number }>(`SELECT count(*)::float8 AS rows ${rows}`);
    return row?.rows ?? 0;
  } catch (error) {
    if (codeOf(error) === sqlstate.insufficientPrivilege) return null;
    throw error;
  } finally {
    await session.script('ROLLBACK');
  }
}
