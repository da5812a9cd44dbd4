import type { Loss, Storage } from '../catalog/losses.ts';
import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { Kept } from './copy-rows.ts';
import { withExactText } from './exact-text.ts';
import {
  copyOf,
  correctLoss,
  dropRecords,
  isSameLoss,
  type Destroyed,
  type Left,
} from './record.ts';
import { isMatch, keptRows, liveRows } from './row-matching.ts';
import { readShapeOf } from './table-shape.ts';

/**
 * Drops the copies of what still exists, and compares changed types value by value.
 *
 * @param lost what the script destroyed, from the catalog
 * @returns the copies that are still needed
 */
export async function finishCopies(
  session: Session,
  { before, lost, kept }: { before: Storage; lost: readonly Loss[]; kept: readonly Kept[] },
): Promise<Kept[]> {
  const isLost = ({ loss }: Kept) =>
    loss.kind === 'rows' || isRewrite(loss) || lost.some((one) => isSameLoss(one, loss));
  await dropRecords(
    session,
    kept.filter((one) => !isLost(one)),
  );
  const remaining: Kept[] = [];
  for (const expected of kept.filter(isLost)) {
    const loss = lost.find((one) => isSameLoss(one, expected.loss)) ?? expected.loss;
    if (loss !== expected.loss) await correctLoss(session, expected, loss);
    const one = { ...expected, loss };
    const rows = await noteLeft(session, one, before);
    if (rows > 0) remaining.push({ ...one, rows });
  }
  return remaining;
}

function isRewrite(loss: Destroyed): boolean {
  return loss.kind === 'column' && loss.change === 'narrowed' && loss.from === loss.to;
}

/**
 * Stores the values that the script gave a narrowed column beside the copied ones, so that a later
 * change by a user is not overwritten. @returns the rows that still need their copy
 */
async function noteLeft(session: Session, kept: Kept, before: Storage): Promise<number> {
  const { loss, tableId } = kept;
  if (loss.kind !== 'column' || loss.change !== 'narrowed') return kept.rows;
  const shape = await readShapeOf(session, tableId);
  const numbers = new Map(before.get(tableId)?.columns.map(({ name, number }) => [name, number]));
  const nameNow = (name: string) =>
    shape?.columns.find(({ number }) => number === numbers.get(name))?.name;
  const column = nameNow(loss.column);
  const key = kept.key.flatMap((name) => nameNow(name) ?? []);
  if (!shape || column === undefined || key.length < kept.key.length) return kept.rows;
  const left: Left = { schema: shape.schema, table: shape.table, column, key };
  return withExactText(session, async () => {
    const { isKeyed } = kept;
    await session.script(
      `UPDATE ${copyOf(kept)} c SET dbops_left = l.${q(column)}::text
         FROM ${keptRows(kept)} k
         JOIN ${liveRows(shape, { key, isKeyed })} l ON ${isMatch} WHERE c.ctid = k.dbops_copy`,
    );
    // The type is unchanged: a value that an expression left as it was is not destroyed.
    const isLost = isRewrite(loss) ? `${q(loss.column)}::text IS DISTINCT FROM dbops_left` : 'true';
    const [{ rows } = { rows: 0 }] = await session.query<{ rows: number }>(
      `UPDATE dbops_rescue.records
          SET "left" = $2, rows = (SELECT count(*) FROM ${copyOf(kept)} WHERE ${isLost})
        WHERE id = $1 RETURNING rows::float8 AS rows`,
      [kept.id, JSON.stringify(left)],
    );
    if (rows === 0) await dropRecords(session, [kept]);
    return rows;
  });
}
