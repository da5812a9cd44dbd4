import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { withExactText } from './formats.ts';
import { isMatch, keptRows, liveRows } from './match.ts';
import { copyOf, type RescueRecord } from './record.ts';
import { keyOf, readShapes } from './shape.ts';

/**
 * Before a step that brings narrowed columns back: marks the kept values whose rows were given
 * another value since. Afterwards it could no longer be seen, for the type is another one then.
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
      const names = new Set(shape?.columns.map(({ name }) => name));
      if (!shape || ![left.column, ...left.key].every((name) => names.has(name))) continue;
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

/**
 * After a step that brings columns back, in its transaction: notes its last transaction id. A row
 * that bears a later one was written since, and a kept value must not go over that.
 *
 * The subtransaction makes sure that the id is later than those of all statements before; which
 * other transactions were under way is noted too, for their ids are earlier ones.
 */
export async function markReturned(
  session: Session,
  records: readonly RescueRecord[],
): Promise<void> {
  const ids = records.filter(({ loss }) => loss.kind === 'column').map(({ id }) => id);
  if (ids.length === 0) return;
  await session.script('SAVEPOINT dbops_returned');
  await session.query(
    `UPDATE dbops_rescue.records SET returned = '{}' WHERE id = ANY ($1::bigint[])`,
    [ids],
  );
  await session.query(
    `UPDATE dbops_rescue.records SET returned = jsonb_build_object('transaction', xmin::text::bigint,
        'others', ARRAY(SELECT id::text::bigint & 4294967295 FROM pg_snapshot_xip(pg_current_snapshot()) id))
      WHERE id = ANY ($1::bigint[])`,
    [ids],
  );
}
