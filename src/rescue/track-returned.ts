import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { withExactText } from './exact-text.ts';
import { isMatch, keptRows, liveRows } from './row-matching.ts';
import { copyOf, type RescueRecord } from './record.ts';
import { keyOf, readShapes, type Shape } from './table-shape.ts';

/**
 * Before a step that restores narrowed columns: marks the copied values whose rows have another
 * value by now. After the step this is no longer visible, because the type is changed.
 */
export async function markChanged(
  session: Session,
  records: readonly RescueRecord[],
): Promise<void> {
  const narrowed = records.flatMap((record) => (record.left ? { record, left: record.left } : []));
  if (narrowed.length === 0) return;
  const shapes = await readShapes(
    session,
    narrowed.map(({ left }) => left),
  );
  await withExactText(session, async () => {
    for (const { record, left } of narrowed) {
      const shape = shapes.get(keyOf(left));
      if (!shape || !hasColumns(shape, [left.column, ...left.key])) continue;
      const { isKeyed } = record;
      await session.script(
        `UPDATE ${copyOf(record)} c SET dbops_changed = true
           FROM ${keptRows(record)} k
           JOIN ${liveRows(shape, { key: left.key, isKeyed })} l ON ${isMatch}
          WHERE c.ctid = k.dbops_copy AND l.${q(left.column)}::text IS DISTINCT FROM k.dbops_left`,
      );
    }
  });
}

/** Returns the columns of records, as `table OID.column number`, by the id of the record. */
export type ColumnIdentities = ReadonlyMap<number, string>;

/**
 * Returns the identities of the existing columns; a column that is dropped and added again gets a
 * new number.
 */
export async function identifyColumns(
  session: Session,
  records: readonly RescueRecord[],
): Promise<ColumnIdentities> {
  const columns = columnsOf(records);
  if (columns.length === 0) return new Map();
  const shapes = await readShapes(
    session,
    columns.map(({ loss }) => loss),
  );
  return new Map(
    columns.flatMap(({ record, loss }): [number, string][] => {
      const identity = identityOf(shapes.get(keyOf(loss)), loss.column);
      return identity === undefined ? [] : [[record.id, identity]];
    }),
  );
}

function identityOf(shape: Shape | undefined, column: string): string | undefined {
  const found = shape?.columns.find(({ name }) => name === column);
  return shape && found && `${shape.oid}.${found.number}`;
}

function columnsOf(records: readonly RescueRecord[]) {
  return records.flatMap((record) =>
    record.loss.kind === 'column' ? { record, loss: record.loss } : [],
  );
}

/**
 * After a step that restores columns, in its transaction: stores the values that the step gave them
 * beside the copied ones. A value that differs later was written by a user.
 * @param before the columns before the step: one that existed then was not added by it, and may
 *   contain values of a user
 */
export async function markReturned(
  session: Session,
  records: readonly RescueRecord[],
  before: ColumnIdentities,
): Promise<void> {
  const columns = columnsOf(records);
  if (columns.length === 0) return;
  const shapes = await readShapes(
    session,
    columns.map(({ loss }) => loss),
  );
  await withExactText(session, async () => {
    for (const { record, loss } of columns) {
      const shape = shapes.get(keyOf(loss));
      if (!shape || !hasColumns(shape, [loss.column, ...record.key])) continue;
      const isOld = before.get(record.id) === identityOf(shape, loss.column);
      if (isOld && loss.change === 'dropped') continue;
      await session.script(
        `UPDATE ${copyOf(record)} c SET dbops_returned = l.${q(loss.column)}::text
           FROM ${keptRows(record)} k JOIN ${liveRows(shape, record)} l ON ${isMatch}
          WHERE c.ctid = k.dbops_copy;
         UPDATE dbops_rescue.records SET is_returned = true WHERE id = ${record.id}`,
      );
    }
  });
}

function hasColumns({ columns }: Shape, names: readonly string[]): boolean {
  const present = new Set(columns.map(({ name }) => name));
  return names.every((name) => present.has(name));
}
