import { codeOf } from '../db/connection-error.ts';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import type { Folder } from '../formats/format.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import type { Checkpoint, CheckpointRow } from './checkpoint-row.ts';
import { readApplied } from './tracking-state.ts';
import type { RunningStep } from './step.ts';

/** A step that runs statement by statement. */
export interface CheckpointedStep extends RunningStep {
  /** Hash of the text that is run. */
  hash: string;
  /** Tables that the parts named so far. */
  tables: readonly ObjectName[];
}

/**
 * `tracking_oid` is the tracking table and `tables` the tables that the parts used, by OID: a
 * checkpoint of a schema that was dropped must not apply to the schema that was created after it.
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

/**
 * Older versions of dbops create the table without the last two columns; their rows are used as
 * they are.
 */
async function readRows(session: Session, { tracking }: Tracked): Promise<CheckpointRow[]> {
  try {
    const rows = await session.query(
      `SELECT migration, direction, hash, done, begun, before,
              coalesce((row ->> 'tracking_oid')::oid = ${oidOf(tracking)},
                       row ->> 'tracking_oid' IS NULL) AS "isOfTable",
              ARRAY(SELECT value FROM jsonb_each_text(coalesce(row -> 'tables', '{}'))
                     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = key::oid)) AS gone
         FROM dbops.checkpoints k, to_jsonb(k) AS row
        WHERE tracking = ${quoteLiteral(tracking.table)}`,
    );
    if (rows.length === 0) return []; // their schema takes longer to load than most commands run
    const { checkpointRows } = await import('./checkpoint-row.ts');
    return checkpointRows.parse(rows);
  } catch (error) {
    if (missing.has(codeOf(error))) return [];
    throw error;
  }
}

type Tracked = Pick<Folder, 'tracking'>;

/** Returns the checkpoints of the folder that are valid, and those that are not. */
async function sift(session: Session, folder: Pick<Folder, 'tracking' | 'migrations'>) {
  const rows = await readRows(session, folder);
  if (rows.length === 0) return { standing: [], stale: [] };
  const { applied } = await readApplied(session, folder);
  const recorded = new Set(applied.filter(({ isFailed }) => !isFailed).map(({ name }) => name));
  const isCurrent = ({ isOfTable, migration, direction }: CheckpointRow) =>
    isOfTable && recorded.has(migration) === (direction === 'down');
  return {
    standing: rows.filter((row) => isCurrent(row)),
    stale: rows.filter((row) => !isCurrent(row)),
  };
}

/** Returns the checkpoints of files that were interrupted. */
export async function readCheckpoints(
  session: Session,
  folder: Pick<Folder, 'tracking' | 'migrations'>,
): Promise<Checkpoint[]> {
  return (await sift(session, folder)).standing;
}

/**
 * Deletes checkpoints of an earlier state of the database: the tracking table was recreated, or
 * another program recorded the file or deleted its row.
 */
export async function dropStaleCheckpoints(session: Session, folder: Folder): Promise<void> {
  const { stale } = await sift(session, folder);
  const drops = stale.map((row) => dropOf(folder, row.migration));
  if (drops.length > 0) await session.script(drops.join('; '));
}

/** Returns where an earlier run of the step stopped, if any. */
export async function readCheckpoint(
  session: Session,
  { migration, direction, run: { folder } }: RunningStep,
): Promise<Checkpoint | undefined> {
  const rows = await readCheckpoints(session, folder);
  return rows.find((row) => row.migration === migration.name && row.direction === direction);
}

/** The position of a run: the number of committed parts, and whether the next was started. */
export type CheckpointProgress = Pick<Checkpoint, 'done'> &
  Partial<Pick<Checkpoint, 'begun' | 'before'>>;

/**
 * Returns SQL that moves the checkpoint. It runs in the transaction of its part and under the
 * search_path of that part, which finds the tables of the part; all other names are qualified.
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

/** Both directions: an applied migration is not partly rolled back, and the reverse. */
export function dropCheckpoint({ migration, run: { folder } }: RunningStep): string {
  return dropOf(folder, migration.name);
}

function dropOf({ tracking }: Tracked, migration: string): string {
  return `DELETE FROM dbops.checkpoints WHERE ${conditionOf(tracking.table, migration)}`;
}

/** Returns an SQL condition that selects the rows of a migration, for SQL that people paste. */
export function conditionOf(tracking: string, migration: string): string {
  return `(tracking, migration) = (${quoteLiteral(tracking)}, ${quoteLiteral(migration)})`;
}

/** to_regclass() fails where the role has no USAGE on the schema. */
function oidOf({ tables: [table = ''] }: Tracked['tracking']): string {
  return `(SELECT c.oid FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE pg_catalog.concat(n.nspname, '.', c.relname) OPERATOR(pg_catalog.=) ${quoteLiteral(table)})`;
}

/** Returns SQL that selects the OIDs of those names that are tables. */
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
