import { quoteIdentifier } from '../db/quote.ts';
import { transaction, type Session } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { Tracking } from '../formats/format.ts';
import { explained } from './apply.ts';
import { exact, imageOf, readUndo, type TableImage } from './undo-record.ts';

/** What was undone. */
export interface Undone {
  /** Of the undo record. */
  undo: string;
  /** How many rows the table has again; nothing where there had been no table. */
  rows: number | undefined;
}

/**
 * Makes the tracking table what it was before its newest repair, byte for byte, in one transaction.
 *
 * @throws code 6 when rows were written since, which would be lost
 */
export async function undoRepair(
  session: Session,
  tracking: Tracking,
  lockTimeout: number,
): Promise<Undone> {
  const { table } = tracking.rows;
  try {
    return await transaction(session, async () => {
      await session.script(`SET LOCAL lock_timeout = ${lockTimeout}; ${exact}`);
      const record = await readUndo(session, tracking);
      if (!record) throw nothingToUndo(tracking.table);
      const { before, after } = record;
      const now = await imageOf(session, table);
      if (now.columns) await session.script(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      const locked = await imageOf(session, table);
      if (!isEqual(locked.rows.toSorted(), after.toSorted())) throw usedSince(tracking.table);
      await (before.columns ? restore(session, table, locked, before) : drop(session, tracking));
      await session.query('UPDATE dbops.tracking_undo SET undone_at = now() WHERE id = $1', [
        record.id,
      ]);
      return { undo: record.id, rows: before.columns ? before.rows.length : undefined };
    });
  } catch (error) {
    throw await explained(error, session, tracking);
  }
}

async function restore(
  session: Session,
  table: string,
  now: TableImage,
  before: TableImage,
): Promise<void> {
  const added = (now.columns ?? []).filter((column) => !before.columns?.includes(column));
  await session.script(
    [
      await emptying(session, table),
      ...added.map((each) => `ALTER TABLE ${table} DROP COLUMN ${quoteIdentifier(each)}`),
    ].join('; '),
  );
  const columns = await writableColumns(session, table);
  const names = columns.map(quoteIdentifier);
  // In one statement: rows may refer to one another.
  await session.query(
    `INSERT INTO ${table} (${names.join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT ${names.map((name) => `(kept.whole).${name}`).join(', ')}
       FROM (SELECT text::${table} AS whole, place FROM unnest($1::text[]) WITH ORDINALITY AS t(text, place)) kept
      ORDER BY place`,
    [before.rows],
  );
  for (const { name, value, isCalled } of before.sequences)
    await session.query('SELECT setval($1::regclass, $2, $3)', [name, value, isCalled]);
  const { rows, columns: found } = await imageOf(session, table);
  const isSame = isEqual(rows.toSorted(), before.rows.toSorted());
  if (isSame && isEqual(found ?? [], before.columns ?? [])) return;
  throw new DbopsError({
    code: 'REPAIR.UNDO_FAILED',
    exitCode: exitCodes.failed,
    message: `${table} could not be restored; it is as the repair left it.`,
    reason: ['the rows that were written differ from the saved ones: a trigger may change them'],
    hint: 'The saved rows: SELECT unnest(before_rows) FROM dbops.tracking_undo ORDER BY id DESC;',
  });
}

/**
 * TRUNCATE keeps the order of the rows; the space of deleted rows would be filled in any order.
 */
async function emptying(session: Session, table: string): Promise<string> {
  const [may] = await session.query<{ truncate: boolean }>(
    `SELECT has_table_privilege(to_regclass($1), 'TRUNCATE') AND NOT EXISTS (
       SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = to_regclass($1) AND conrelid <> confrelid
     ) AS truncate`,
    [table],
  );
  return may?.truncate ? `TRUNCATE ${table}` : `DELETE FROM ${table}`;
}

/** Returns the columns without generated ones, which cannot be written. */
async function writableColumns(session: Session, table: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      ORDER BY attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}

/** Of the tool's tables only this one has rows of the repair; its schema may have had others. */
function drop(session: Session, { rows: { table } }: Tracking): Promise<void> {
  return session.script(`DROP TABLE ${table}`);
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}

function nothingToUndo(table: string): DbopsError {
  return usageError(
    'REPAIR.NOTHING_TO_UNDO',
    `No repair of ${table} to undo.`,
    'To see its state: dbops migrate status',
  );
}

function usedSince(table: string): DbopsError {
  return new DbopsError({
    code: 'REPAIR.USED_SINCE',
    exitCode: exitCodes.desynchronised,
    message: `${table} was written to after the repair, and undoing the repair would lose those rows. Nothing was changed.`,
    hint: 'Roll back what was applied since, or see the saved rows: SELECT unnest(before_rows) FROM dbops.tracking_undo ORDER BY id DESC;',
  });
}
