import type { Loss } from '../catalog/losses.ts';
import type { Session } from '../db/session.ts';
import type { Direction } from '../migration.ts';

/** What a script destroys: a loss that the catalog shows, or all rows of a table that remains. */
export type Destroyed = Loss | { kind: 'rows'; schema: string; table: string };

/** Whether both are the same loss: what a column is afterwards may have been foreseen wrongly. */
export function isSameLoss(one: Destroyed, other: Destroyed): boolean {
  const [first, second] = [one, other].map((loss) => {
    const column = loss.kind === 'column' ? [loss.column, loss.change] : [];
    return JSON.stringify([loss.kind, loss.schema, loss.table, ...column]);
  });
  return first === second;
}

/** Each loss once; a column goes with its table. */
export function distinct(losses: readonly Destroyed[]): Destroyed[] {
  const isOfTable = ({ schema, table }: Destroyed) =>
    losses.some((loss) => loss.kind === 'table' && loss.schema === schema && loss.table === table);
  return losses.filter(
    (loss, at) =>
      losses.findIndex((other) => isSameLoss(other, loss)) === at &&
      (loss.kind === 'table' || !isOfTable(loss)),
  );
}

/** The script that destroys. */
export interface Cause {
  /** The tracking table of its folder: a database may have several. */
  tracking: string;
  migration: string;
  direction: Direction;
}

/** One table or column that was copied before it was destroyed. */
export interface RescueRecord extends Cause {
  id: number;
  keptAt: Date;
  loss: Destroyed;
  /** Of the table that was copied from. */
  tableId: number;
  rows: number;
  /** The columns of the copy that identify a row. */
  key: string[];
  /** Whether that is a key; otherwise two rows may be alike. */
  isKeyed: boolean;
  /** The columns whose values are in the copy, with their types. */
  columns: { name: string; type: string }[];
  sequences: SequenceState[];
  /** What the script left of the column, and under which names. */
  left: Left | null;
  /** A step has brought the column back, and its values then are in the copy. */
  isReturned: boolean;
  state: 'kept' | 'partly' | 'restored';
  restoredAt: Date | null;
}

export interface SequenceState {
  column: string;
  schema: string;
  name: string;
  /** Digits: a bigint may exceed what JSON numbers hold. */
  lastValue: string;
  isCalled: boolean;
}

export interface Left {
  schema: string;
  table: string;
  column: string;
  key: string[];
}

/**
 * The schema belongs to the role that runs dbops alone: the copies may hold personal data that
 * their table protected.
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

/** The table that holds the rows of a record. */
export function copyOf({ id }: Pick<RescueRecord, 'id'>): string {
  return `dbops_rescue.copy_${id}`;
}

const selected = `SELECT id::float8 AS id, tracking, migration, direction, kept_at AS "keptAt", loss,
    table_id::float8 AS "tableId", rows::float8 AS rows, key, is_keyed AS "isKeyed", columns, sequences,
    "left", is_returned AS "isReturned", state, restored_at AS "restoredAt"
  FROM dbops_rescue.records`;

/** All records, the newest first; none where nothing was ever rescued. */
export async function readRecords(session: Session): Promise<RescueRecord[]> {
  const [{ exists } = { exists: false }] = await session.query<{ exists: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'dbops_rescue' AND c.relname = 'records') AS exists`,
  );
  if (!exists) return [];
  return session.query<RescueRecord & Record<string, unknown>>(
    `${selected} ORDER BY kept_at DESC, id DESC`,
  );
}

/** The same records, as they are now. */
export async function readAgain(
  session: Session,
  records: readonly RescueRecord[],
): Promise<RescueRecord[]> {
  const ids = new Set(records.map(({ id }) => id));
  return (await readRecords(session)).filter(({ id }) => ids.has(id));
}

/** Returns the copies that can be restored after these migrations have run in this direction. */
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

/** Writes down what a loss was, where it had been foreseen otherwise. */
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

/** Removes records with their copies, in the caller's transaction. */
export async function dropRecords(
  session: Session,
  records: readonly Pick<RescueRecord, 'id'>[],
): Promise<void> {
  if (records.length === 0) return; // nothing may ever have been kept
  for (const record of records) await session.script(`DROP TABLE IF EXISTS ${copyOf(record)}`);
  await session.query('DELETE FROM dbops_rescue.records WHERE id = ANY ($1::bigint[])', [
    records.map(({ id }) => id),
  ]);
}
