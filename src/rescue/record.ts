import * as z from 'zod';
import { lossShape } from '../catalog/losses.ts';
import type { Session } from '../db/session.ts';
import type { Direction } from '../migration.ts';

const destroyedShape = z.union([
  lossShape,
  z.object({ kind: z.literal('rows'), schema: z.string(), table: z.string() }),
]);

/** A loss: what the catalog shows, or all rows of a table that stays. */
export type Destroyed = z.infer<typeof destroyedShape>;

/** Returns whether both are the same loss; the predicted type of a column may be wrong. */
export function isSameLoss(one: Destroyed, other: Destroyed): boolean {
  const [first, second] = [one, other].map((loss) => {
    const column = loss.kind === 'column' ? [loss.column, loss.change] : [];
    return JSON.stringify([loss.kind, loss.schema, loss.table, ...column]);
  });
  return first === second;
}

/** Returns each loss once; a column is part of its table. */
export function distinct(losses: readonly Destroyed[]): Destroyed[] {
  const isOfTable = ({ schema, table }: Destroyed) =>
    losses.some((loss) => loss.kind === 'table' && loss.schema === schema && loss.table === table);
  return losses.filter(
    (loss, at) =>
      losses.findIndex((other) => isSameLoss(other, loss)) === at &&
      (loss.kind === 'table' || !isOfTable(loss)),
  );
}

/** The script that destroys the rows. */
export interface Cause {
  /** The tracking table of its folder; a database can have several. */
  tracking: string;
  migration: string;
  direction: Direction;
}

const sequenceShape = z.object({
  column: z.string(),
  schema: z.string(),
  name: z.string(),
  /** Digits: a bigint may exceed the range of JSON numbers. */
  lastValue: z.string(),
  isCalled: z.boolean(),
});
export type SequenceState = z.infer<typeof sequenceShape>;

const leftShape = z.object({
  schema: z.string(),
  table: z.string(),
  column: z.string(),
  key: z.array(z.string()),
});
export type Left = z.infer<typeof leftShape>;

const recordShape = z.object({
  id: z.number(),
  tracking: z.string(),
  migration: z.string(),
  direction: z.enum(['up', 'down']),
  keptAt: z.date(),
  loss: destroyedShape,
  /** OID of the copied table. */
  tableId: z.number(),
  rows: z.number(),
  /** Columns of the copy that identify a row. */
  key: z.array(z.string()),
  /** Whether they are a key; otherwise two rows may be equal. */
  isKeyed: z.boolean(),
  /** The columns whose values are in the copy, with their types. */
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  sequences: z.array(sequenceShape),
  /** The type and names that the script left of the column. */
  left: leftShape.nullable(),
  /** Whether a step brought the column back and stored its values in the copy. */
  isReturned: z.boolean(),
  state: z.enum(['kept', 'partly', 'restored']),
  restoredAt: z.date().nullable(),
});

/** One table or column that was copied before it was destroyed. */
export type RescueRecord = z.infer<typeof recordShape>;

/**
 * Only its owner may read the schema: copies may contain personal data that policies protected in
 * the table.
 */
export const ensureRecords = `DO $$ BEGIN
    IF to_regnamespace('dbops_rescue') IS NULL THEN
      CREATE SCHEMA dbops_rescue;
      REVOKE ALL ON SCHEMA dbops_rescue FROM PUBLIC;
    END IF;
    IF to_regclass('dbops_rescue.records') IS NULL THEN
      CREATE TABLE dbops_rescue.records (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT records_pkey PRIMARY KEY,
        tracking text NOT NULL,
        migration text NOT NULL,
        direction text NOT NULL,
        kept_at timestamptz NOT NULL DEFAULT now(),
        loss jsonb NOT NULL,
        table_id bigint NOT NULL,
        rows bigint NOT NULL DEFAULT 0,
        key jsonb NOT NULL,
        is_keyed boolean NOT NULL,
        columns jsonb NOT NULL,
        sequences jsonb NOT NULL,
        "left" jsonb,
        is_returned boolean NOT NULL DEFAULT false,
        state text NOT NULL DEFAULT 'kept',
        restored_at timestamptz);
    END IF;
  END $$`;

/** Returns the table that holds the rows of a record. */
export function copyOf({ id }: Pick<RescueRecord, 'id'>): string {
  return `dbops_rescue.copy_${id}`;
}

const selected = `SELECT id::float8 AS id, tracking, migration, direction, kept_at AS "keptAt", loss,
    table_id::float8 AS "tableId", rows::float8 AS rows, key, is_keyed AS "isKeyed", columns, sequences,
    "left", is_returned AS "isReturned", state, restored_at AS "restoredAt"
  FROM dbops_rescue.records`;

/** Returns all records, the newest first; an empty list where nothing was ever rescued. */
export async function readRecords(session: Session): Promise<RescueRecord[]> {
  const [{ exists } = { exists: false }] = await session.query<{ exists: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'dbops_rescue' AND c.relname = 'records') AS exists`,
  );
  if (!exists) return [];
  const rows = await session.query(`${selected} ORDER BY kept_at DESC, id DESC`);
  return z.array(recordShape).parse(rows);
}

/** Reads the same records again. */
export async function readAgain(
  session: Session,
  records: readonly RescueRecord[],
): Promise<RescueRecord[]> {
  const ids = new Set(records.map(({ id }) => id));
  return (await readRecords(session)).filter(({ id }) => ids.has(id));
}

/**
 * Returns the records that can be restored after these migrations ran in this direction, because
 * they undo the loss.
 */
export async function recordsUndoneBy(
  session: Session,
  tracking: string,
  direction: Direction,
  migrations: readonly string[],
): Promise<RescueRecord[]> {
  const undone = new Set(migrations);
  return (await readRecords(session)).filter(
    (record) =>
      record.state !== 'restored' &&
      record.tracking === tracking &&
      record.direction !== direction &&
      undone.has(record.migration),
  );
}

type NewRecord = Pick<
  RescueRecord,
  keyof Cause | 'loss' | 'tableId' | 'key' | 'isKeyed' | 'columns' | 'sequences'
>;

export async function insertRecord(session: Session, record: NewRecord): Promise<number> {
  const { tracking, migration, direction, loss, tableId, key, isKeyed, columns, sequences } =
    record;
  const json = [loss, key, columns, sequences].map((value) => JSON.stringify(value));
  const [row] = await session.query<{ id: number }>(
    `INSERT INTO dbops_rescue.records
       (tracking, migration, direction, table_id, is_keyed, loss, key, columns, sequences)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id::float8 AS id`,
    [tracking, migration, direction, tableId, isKeyed, ...json],
  );
  return row?.id ?? 0;
}

/** Stores the actual loss where the predicted one was different. */
export async function correctLoss(
  session: Session,
  { id }: Pick<RescueRecord, 'id'>,
  loss: Destroyed,
): Promise<void> {
  await session.query('UPDATE dbops_rescue.records SET loss = $2 WHERE id = $1', [
    id,
    JSON.stringify(loss),
  ]);
}

/** Deletes records and their copies, in the caller's transaction. */
export async function dropRecords(
  session: Session,
  records: readonly Pick<RescueRecord, 'id'>[],
): Promise<void> {
  if (records.length === 0) return; // the schema may not exist
  for (const record of records) await session.script(`DROP TABLE IF EXISTS ${copyOf(record)}`);
  await session.query('DELETE FROM dbops_rescue.records WHERE id = ANY ($1::bigint[])', [
    records.map(({ id }) => id),
  ]);
}
