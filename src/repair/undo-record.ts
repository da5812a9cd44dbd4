import * as z from 'zod';
import { ensureOwnSchema } from '../db/own-schema.ts';
import type { Session } from '../db/session.ts';
import type { Tracking } from '../formats/format.ts';

/** A tracking table as it was, with everything that bringing it back takes. */
export interface TableImage {
  /** Nothing where there was no table. */
  columns: string[] | null;
  /** Rows as PostgreSQL writes them, in the order in which they lay in the table. */
  rows: string[];
  /** Sequences that fill its columns. */
  sequences: { name: string; value: string; isCalled: boolean }[];
}

/** Reads in the caller's transaction; settings that `work` changes end with it. */
export async function asideIn<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.script('SAVEPOINT aside');
  const result = await work();
  await session.script('ROLLBACK TO aside; RELEASE aside');
  return result;
}

/** Under these settings a row's text is read back to the very same row, whatever is in it. */
export const exact = `SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'`;

export function exactly<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return asideIn(session, () => session.script(exact).then(work));
}

/** Reads the table in the caller's transaction, which is `exact`. */
export async function imageOf(session: Session, table: string): Promise<TableImage> {
  const columns = await columnsOf(session, table);
  if (!columns) return { columns, rows: [], sequences: [] };
  const rows = await session.query<{ row: string }>(
    `SELECT t::text AS row FROM ${table} t ORDER BY t.ctid`,
  );
  return {
    columns,
    rows: rows.map(({ row }) => row),
    sequences: await sequencesOf(session, table),
  };
}

async function columnsOf(session: Session, table: string): Promise<string[] | null> {
  const [found] = await session.query<{ columns: string[] | null }>(
    `SELECT array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  return found?.columns ?? null;
}

async function sequencesOf(session: Session, table: string): Promise<TableImage['sequences']> {
  const names = await session.query<{ name: string }>(
    `SELECT s.oid::regclass::text AS name FROM pg_class s
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
      WHERE s.relkind = 'S' AND d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1)
      ORDER BY 1`,
    [table],
  );
  const sequences: TableImage['sequences'] = [];
  for (const { name } of names) {
    const [state] = await session.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${name}`,
    );
    if (state) sequences.push({ name, value: state.value, isCalled: state.called });
  }
  return sequences;
}

/** A repair that can be undone. */
export interface UndoRecord {
  id: string;
  before: TableImage;
  /** The rows that the repair left. */
  after: string[];
}

const create = `${ensureOwnSchema}
  CREATE TABLE IF NOT EXISTS dbops.tracking_undo (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT tracking_undo_pkey PRIMARY KEY,
    tracking text NOT NULL,
    before_columns text[],
    before_rows text[] NOT NULL,
    sequences jsonb NOT NULL,
    after_rows text[] NOT NULL,
    repaired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    repaired_by text NOT NULL DEFAULT current_user,
    undone_at timestamptz)`;

/** @returns the record's id */
export async function writeUndo(
  session: Session,
  { table }: Tracking,
  { before, after }: Omit<UndoRecord, 'id'>,
): Promise<string> {
  await session.script(create);
  const [written] = await session.query<{ id: string }>(
    `INSERT INTO dbops.tracking_undo (tracking, before_columns, before_rows, sequences, after_rows)
     VALUES ($1, $2, $3, $4, $5) RETURNING id::text`,
    [table, before.columns, before.rows, JSON.stringify(before.sequences), after],
  );
  return written?.id ?? '';
}

const undoShape = z.object({
  id: z.string(),
  columns: z.array(z.string()).nullable(),
  rows: z.array(z.string()),
  sequences: z.array(z.object({ name: z.string(), value: z.string(), isCalled: z.boolean() })),
  after: z.array(z.string()),
});

/** Returns the newest repair of a table that was not undone; undefined when there is none. */
export async function readUndo(
  session: Session,
  { table }: Tracking,
): Promise<UndoRecord | undefined> {
  const [known] = await session.query<{ is: boolean }>(
    `SELECT to_regclass('dbops.tracking_undo') IS NOT NULL AS is`,
  );
  if (!known?.is) return undefined;
  const [found] = await session.query(
    `SELECT id::text, before_columns AS columns, before_rows AS rows, sequences, after_rows AS after
       FROM dbops.tracking_undo WHERE tracking = $1 AND undone_at IS NULL ORDER BY id DESC LIMIT 1`,
    [table],
  );
  if (!found) return undefined;
  const { id, after, ...before } = undoShape.parse(found);
  return { id, before, after };
}
