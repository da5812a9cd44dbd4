import { codeOf } from '../db/connection-error.ts';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import type { Folder } from '../formats/format.ts';
import type { Direction } from '../migration.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import { readApplied } from './tracking-state.ts';
import type { RunningStep } from './step.ts';

/** How far a file that runs part by part has come. */
export interface Checkpoint {
  migration: string;
  direction: Direction;
  /** Of the text that was run when it began. */
  hash: string;
  /** Parts that are committed. */
  done: number;
  /** A statement that cannot share a transaction with its checkpoint was started after those. */
  begun: boolean;
  /** What that statement changes, as it was before (see `effect.ts`). */
  before: string | null;
  /** Tables that those parts created or named, and that were dropped or created again since. */
  gone: string[];
}

/** A step that runs part by part. */
export interface CheckpointedStep extends RunningStep {
  /** Of the text that is run. */
  hash: string;
  /** Tables that the parts name that were run until now. */
  tables: readonly ObjectName[];
}

/**
 * `tracking_oid` is the tracking table and `tables` what the parts worked on, by their oids: a
 * checkpoint outlives a schema that is dropped and created again, and must not speak for the new one.
 */
export const createCheckpoints = `${ensureOwnSchema}
  CREATE TABLE IF NOT EXISTS dbops.checkpoints (
    tracking text NOT NULL,
    migration text NOT NULL,
    direction text NOT NULL,
    hash text NOT NULL,
    done integer NOT NULL,
    begun boolean NOT NULL,
    before text,
    tracking_oid oid,
    tables jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_pkey PRIMARY KEY (tracking, migration, direction));
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = to_regclass('dbops.checkpoints') AND attname = 'tables') THEN
      ALTER TABLE dbops.checkpoints
        ADD COLUMN tracking_oid oid, ADD COLUMN tables jsonb NOT NULL DEFAULT '{}';
    END IF;
  END $$`;

/** A run that writes checkpoints reports a missing privilege itself. */
const missing = new Set<string>([
  sqlstate.undefinedTable,
  sqlstate.invalidSchemaName,
  sqlstate.insufficientPrivilege,
]);

interface Row extends Checkpoint, Record<string, unknown> {
  /** The tracking table is the one that it was. */
  isOfTable: boolean;
}

/** A table that an earlier dbops made lacks the last two columns: its rows count as they are. */
async function readRows(session: Session, { tracking }: Tracked): Promise<Row[]> {
  try {
    return await session.query<Row>(
      `SELECT migration, direction, hash, done, begun, before,
              coalesce((row ->> 'tracking_oid')::oid = ${oidOf(tracking)},
                       row ->> 'tracking_oid' IS NULL) AS "isOfTable",
              ARRAY(SELECT value FROM jsonb_each_text(coalesce(row -> 'tables', '{}'))
                     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = key::oid)) AS gone
         FROM dbops.checkpoints k, to_jsonb(k) AS row
        WHERE tracking = ${quoteLiteral(tracking.table)}`,
    );
  } catch (error) {
    if (missing.has(codeOf(error))) return [];
    throw error;
  }
}

type Tracked = Pick<Folder, 'tracking'>;

/** The rows of the folder that still say something, and those that do not. */
async function sift(session: Session, folder: Pick<Folder, 'tracking' | 'migrations'>) {
  const rows = await readRows(session, folder);
  if (rows.length === 0) return { standing: [], stale: [] };
  const { applied } = await readApplied(session, folder);
  const recorded = new Set(applied.filter(({ isFailed }) => !isFailed).map(({ name }) => name));
  const isCurrent = ({ isOfTable, migration, direction }: Row) =>
    isOfTable && recorded.has(migration) === (direction === 'down');
  return {
    standing: rows.filter((row) => isCurrent(row)),
    stale: rows.filter((row) => !isCurrent(row)),
  };
}

/** The folder's files that were cut off. */
export async function readCheckpoints(
  session: Session,
  folder: Pick<Folder, 'tracking' | 'migrations'>,
): Promise<Checkpoint[]> {
  return (await sift(session, folder)).standing;
}

/**
 * Removes what an earlier state of the database left: its tracking table was created again, or
 * something else has recorded the file, or taken its row away.
 */
export async function dropStaleCheckpoints(session: Session, folder: Folder): Promise<void> {
  const { stale } = await sift(session, folder);
  const drops = stale.map((row) => dropOf(folder, row.migration));
  if (drops.length > 0) await session.script(drops.join('; '));
}

/** Where an earlier run of the step stopped, if one did. */
export async function readCheckpoint(
  session: Session,
  { migration, direction, run: { folder } }: RunningStep,
): Promise<Checkpoint | undefined> {
  const rows = await readCheckpoints(session, folder);
  return rows.find((row) => row.migration === migration.name && row.direction === direction);
}

/** The progress of a run: how many parts are committed, and whether the next was started. */
export type CheckpointProgress = Pick<Checkpoint, 'done'> &
  Partial<Pick<Checkpoint, 'begun' | 'before'>>;

/**
 * SQL that moves the checkpoint; rides in the transaction of the part it follows, under the path of
 * that part, by which its tables are found. Everything else is named with its schema.
 */
export function saveCheckpoint(
  { migration, direction, hash, tables, run: { folder } }: CheckpointedStep,
  { done, begun = false, before = null }: CheckpointProgress,
): string {
  const { tracking } = folder;
  const key = [tracking.table, migration.name, direction, hash].map((each) => quoteLiteral(each));
  const state = before === null ? 'NULL' : quoteLiteral(before);
  return `INSERT INTO dbops.checkpoints
      (tracking, migration, direction, hash, done, begun, before, tracking_oid, tables)
    VALUES (${key.join(', ')}, ${done}, ${begun}, ${state}, ${oidOf(tracking)}, ${oidsOf(tables)})
    ON CONFLICT (tracking, migration, direction) DO UPDATE
      SET hash = excluded.hash, done = excluded.done, begun = excluded.begun,
          before = excluded.before, tracking_oid = excluded.tracking_oid,
          tables = excluded.tables, updated_at = pg_catalog.now()`;
}

/**
 * Returns SQL that deletes the checkpoints of both directions: a recorded migration is not partly
 * rolled back, and an erased one not partly applied.
 */
export function dropCheckpoint({ migration, run: { folder } }: RunningStep): string {
  return dropOf(folder, migration.name);
}

function dropOf({ tracking }: Tracked, migration: string): string {
  return `DELETE FROM dbops.checkpoints WHERE ${conditionOf(tracking.table, migration)}`;
}

/** Returns an SQL condition for the rows of the migration, for statements that people paste. */
export function conditionOf(tracking: string, migration: string): string {
  return `(tracking, migration) = (${quoteLiteral(tracking)}, ${quoteLiteral(migration)})`;
}

/** Looked up without to_regclass(), which fails where a schema may not be used. */
function oidOf({ tables: [table = ''] }: Tracked['tracking']): string {
  return `(SELECT c.oid FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE pg_catalog.concat(n.nspname, '.', c.relname) OPERATOR(pg_catalog.=) ${quoteLiteral(table)})`;
}

/** SQL: those of the names that are tables, by oid. */
function oidsOf(names: readonly ObjectName[]): string {
  const conditions = names.map(({ schema, name }) => {
    const place = schema
      ? `n.nspname OPERATOR(pg_catalog.=) ${quoteLiteral(schema)}`
      : 'pg_catalog.pg_table_is_visible(c.oid)';
    return `c.relname OPERATOR(pg_catalog.=) ${quoteLiteral(name)} AND ${place}`;
  });
  if (conditions.length === 0) return `'{}'`;
  return `(SELECT coalesce(pg_catalog.jsonb_object_agg(c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname)), '{}')
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}') AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
      AND (${conditions.join(' OR ')}))`;
}
