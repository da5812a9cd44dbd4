import { sqlstate } from '../db/sqlstate.ts';
import { codeOf } from '../db/connection-error.ts';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import { readOnce, type Session } from '../db/session.ts';
import * as z from 'zod';
import { definitionSchema, type Backfill } from './definition.ts';
import { quarantinedSchema, rowCountsSchema, type Quarantined } from './row-counts.ts';
import type { ScanRange } from './strategy.ts';

/** The records of a backfill in the schema `dbops`: its run, its ranges and failed rows. */

export const createState = `${ensureOwnSchema}
  CREATE TABLE IF NOT EXISTS dbops.backfills (
    name text CONSTRAINT backfills_pkey PRIMARY KEY,
    hash text NOT NULL,
    definition jsonb NOT NULL,
    state text NOT NULL,
    strategy text,
    paused_at timestamptz,
    paused_by text,
    waits_for text,
    runner text,
    runner_pid integer,
    estimate bigint NOT NULL DEFAULT 0,
    account jsonb,
    has_trigger boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now(),
    active_ms bigint NOT NULL DEFAULT 0,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz);
  CREATE TABLE IF NOT EXISTS dbops.backfill_ranges (
    backfill text NOT NULL,
    id integer NOT NULL,
    target integer NOT NULL,
    relation oid NOT NULL,
    filenode oid NOT NULL,
    naming text NOT NULL,
    first bigint NOT NULL,
    next bigint NOT NULL,
    "end" bigint NOT NULL,
    position text,
    is_done boolean NOT NULL DEFAULT false,
    changed bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    CONSTRAINT backfill_ranges_pkey PRIMARY KEY (backfill, id)) WITH (fillfactor = 50);
  CREATE TABLE IF NOT EXISTS dbops.backfill_quarantine (
    backfill text NOT NULL,
    target integer NOT NULL,
    relation text NOT NULL,
    id text NOT NULL,
    sqlstate text NOT NULL,
    error text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT backfill_quarantine_pkey PRIMARY KEY (backfill, target, relation, id))`;

const recordSchema = z.object({
  name: z.string(),
  hash: z.string(),
  /** As the last run wrote it. */
  state: z.enum(['running', 'interrupted', 'failed', 'complete', 'incomplete']),
  strategy: z.string().nullable(),
  pausedAt: z.date().nullable(),
  pausedBy: z.string().nullable(),
  /** Why it currently waits or slows down. */
  waitsFor: z.string().nullable(),
  runner: z.string().nullable(),
  runnerPid: z.number().nullable(),
  /** Milliseconds since the last heartbeat of a run. */
  silentMs: z.number(),
  /** The final counts; `null` until a run ended. */
  account: rowCountsSchema.nullable(),
  hasTrigger: z.boolean(),
  /** Milliseconds of work, over all runs. */
  activeMs: z.number(),
  changed: z.number(),
  batches: z.number(),
  /** Fraction of the pages, from 0 to 1. */
  fraction: z.number(),
  /** Rows, as the server estimated them at the start. */
  estimate: z.number(),
});

/** A backfill as the database records it. */
export type BackfillRecord = z.infer<typeof recordSchema>;

const controlSql = `SELECT b.name, hash, state, strategy, paused_at AS "pausedAt", paused_by AS "pausedBy",
    waits_for AS "waitsFor", runner, runner_pid AS "runnerPid", account, has_trigger AS "hasTrigger",
    (1000 * extract(epoch FROM clock_timestamp() - heartbeat_at))::float8 AS "silentMs",
    active_ms::float8 AS "activeMs", estimate::float8 AS estimate,
    coalesce(r.changed, 0)::float8 AS changed, coalesce(r.batches, 0)::float8 AS batches,
    coalesce(r.fraction, 0)::float8 AS fraction
  FROM dbops.backfills b
  LEFT JOIN (SELECT backfill, sum(changed) AS changed, sum(batches) AS batches,
                    sum(CASE WHEN is_done THEN "end" - first
                             WHEN naming = 'ctid' THEN next - first + coalesce(position::float8, 0)
                             ELSE next - first END)::float8
                      / greatest(1, sum("end" - first)) AS fraction
               FROM dbops.backfill_ranges GROUP BY backfill) r ON r.backfill = b.name`;

const missing = new Set<string>([sqlstate.undefinedTable, sqlstate.invalidSchemaName]);

/** Returns the record of every backfill that ran on the database. */
export async function readRecords(session: Session): Promise<BackfillRecord[]> {
  try {
    const rows = await readOnce(session, `${controlSql} ORDER BY b.started_at, b.name`);
    return z.array(recordSchema).parse(rows);
  } catch (error) {
    if (missing.has(codeOf(error))) return [];
    throw error;
  }
}

export async function readRecord(
  session: Session,
  name: string,
): Promise<BackfillRecord | undefined> {
  return (await readRecords(session)).find((control) => control.name === name);
}

const rangesSchema = z.array(
  z.object({
    id: z.number(),
    target: z.number(),
    relation: z.number(),
    filenode: z.number(),
    naming: z.enum(['ctid', 'key']),
    first: z.number(),
    next: z.number(),
    end: z.number(),
    position: z.string().nullable(),
    isDone: z.boolean(),
  }),
);

export async function readRanges(
  session: Session,
  name: string,
): Promise<(ScanRange & { isDone: boolean })[]> {
  const rows = await session.query(
    `SELECT id, target, relation::int8::float8 AS relation, filenode::int8::float8 AS filenode, naming,
            first::float8 AS first, next::float8 AS next, "end"::float8 AS "end", position, is_done AS "isDone"
       FROM dbops.backfill_ranges WHERE backfill = $1 AND id >= 0 ORDER BY id`,
    [name],
  );
  return rangesSchema.parse(rows);
}

/** The range that counts rows of the final sweep, which belong to no range. */
export const sweepRange = -1;

const none = { target: 0, relation: 0, filenode: 0, naming: 'ctid', first: 0, next: 0, end: 0 };

/** Returns SQL that replaces all ranges of a backfill; their counts start at 0. */
export function saveRanges(name: string, ranges: readonly ScanRange[]): string {
  const backfill = quoteLiteral(name);
  return `DELETE FROM dbops.backfill_ranges WHERE backfill = ${backfill};
    DELETE FROM dbops.backfill_quarantine WHERE backfill = ${backfill};
    ${insertRanges(name, [{ id: sweepRange, ...none }, ...ranges])}`;
}

/** Returns SQL that replaces some ranges and keeps their counts. */
export function replaceRanges(
  name: string,
  old: readonly number[],
  ranges: readonly ScanRange[],
): string {
  const backfill = quoteLiteral(name);
  const gone = `backfill = ${backfill} AND id = ANY('{${old.join(',')}}')`;
  return `UPDATE dbops.backfill_ranges s SET changed = s.changed + o.changed, batches = s.batches + o.batches
      FROM (SELECT coalesce(sum(changed), 0) AS changed, coalesce(sum(batches), 0) AS batches
              FROM dbops.backfill_ranges WHERE ${gone}) AS o
     WHERE s.backfill = ${backfill} AND s.id = ${sweepRange};
    DELETE FROM dbops.backfill_ranges WHERE ${gone};
    ${insertRanges(name, ranges)}`;
}

function insertRanges(
  name: string,
  ranges: readonly (Omit<ScanRange, 'position' | 'naming'> & { naming: string })[],
): string {
  if (ranges.length === 0) return '';
  const values = ranges.map(
    ({ id, target, relation, filenode, naming, first, next, end }) =>
      `(${quoteLiteral(name)}, ${id}, ${target}, ${relation}, ${filenode}, '${naming}', ${first}, ${next}, ${end}, ${id === sweepRange})`,
  );
  return `INSERT INTO dbops.backfill_ranges (backfill, id, target, relation, filenode, naming, first, next, "end", is_done)
    VALUES ${values.join(', ')}`;
}

/** The position of a range after a batch. */
export interface BackfillCheckpoint {
  range: number;
  next?: number;
  /** See `ScanRange.position`. */
  position?: string;
  isDone?: boolean;
}

/**
 * Returns SQL that moves the checkpoint, in the statement that changes the rows, under the search_path
 * of the role.
 *
 * @param update returns `stored` of each row that it changed
 */
export function moveCheckpoint(
  name: string,
  checkpoint: BackfillCheckpoint,
  update: string | undefined,
): string {
  const { range, next, position, isDone } = checkpoint;
  const stored = '(SELECT pg_catalog.count(*) FROM filled WHERE stored)';
  const sets = [
    ...(update
      ? [
          `changed = changed OPERATOR(pg_catalog.+) ${stored}`,
          'batches = batches OPERATOR(pg_catalog.+) 1',
        ]
      : []),
    ...(next === undefined ? [] : [`next = ${next}`]),
    ...(position === undefined ? [] : [`position = ${quoteLiteral(position)}`]),
    ...(isDone ? ['is_done = true'] : []),
  ];
  return `${update ? `WITH filled AS (${update}) ` : ''}UPDATE dbops.backfill_ranges SET ${sets.join(', ')}
    WHERE backfill OPERATOR(pg_catalog.=) ${quoteLiteral(name)} AND id OPERATOR(pg_catalog.=) ${range}
    RETURNING ${update ? stored : '0'}::pg_catalog.float8 AS changed`;
}

/** Returns the targets of a backfill as its last run recorded them, if it has a record. */
export async function readDefinition(
  session: Session,
  name: string,
): Promise<Backfill | undefined> {
  if (!(await readRecord(session, name))) return undefined;
  const [row] = await session.query<{ definition: unknown }>(
    'SELECT definition FROM dbops.backfills WHERE name = $1',
    [name],
  );
  const parsed = recordedSchema.safeParse(row?.definition);
  return parsed.success ? { ...parsed.data, name } : undefined;
}

/** The record has the name of the backfill too. */
const recordedSchema = z.object(definitionSchema.shape);

export async function readQuarantine(session: Session, name: string): Promise<Quarantined[]> {
  const rows = await session.query(
    `SELECT target, relation, id, sqlstate, error FROM dbops.backfill_quarantine
      WHERE backfill = $1 ORDER BY at, id`,
    [name],
  );
  return z.array(quarantinedSchema).parse(rows);
}

export async function quarantine(session: Session, name: string, row: Quarantined): Promise<void> {
  await session.query(
    `INSERT INTO dbops.backfill_quarantine (backfill, target, relation, id, sqlstate, error)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (backfill, target, relation, id) DO UPDATE SET sqlstate = $5, error = $6, at = now()`,
    [name, row.target, row.relation, row.id, row.sqlstate, row.error],
  );
}

/**
 * Pauses a backfill. The record keeps the name of the person, or else of the database role.
 *
 * @returns whether the backfill has a record
 */
export function pauseBackfill(
  session: Session,
  name: string,
  person: string | undefined,
): Promise<boolean> {
  const sql = `UPDATE dbops.backfills SET paused_at = coalesce(paused_at, now()),
      paused_by = coalesce($2::text, current_user::text) WHERE name = $1 RETURNING name`;
  return updateRecord(session, sql, [name, person ?? null]);
}

/** Ends the pause of a backfill. @returns whether the backfill has a record */
export function resumeBackfill(session: Session, name: string): Promise<boolean> {
  const sql =
    'UPDATE dbops.backfills SET paused_at = NULL, paused_by = NULL WHERE name = $1 RETURNING name';
  return updateRecord(session, sql, [name]);
}

async function updateRecord(
  session: Session,
  sql: string,
  values: (string | null)[],
): Promise<boolean> {
  try {
    return (await session.query(sql, values)).length > 0;
  } catch (error) {
    if (missing.has(codeOf(error))) return false;
    throw error;
  }
}
