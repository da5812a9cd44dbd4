import * as z from 'zod';
import type { Session } from '../../db/session.ts';
import type { LockMode, ObservedRelation, RelationKind } from '../observation.ts';

/** A relation of the shadow, at one moment. */
export interface RelationState {
  oid: number;
  relation: ObservedRelation;
  /** Changes when the relation gets a new file: rewritten, truncated, or an index built again. */
  file: number;
  tablespace: number;
}

/** A relation on which the session holds locks, at one moment of a transaction. */
export interface LockedRelation {
  oid: number;
  /** Absent for a relation that the transaction has dropped. */
  state: RelationState | undefined;
  modes: ReadonlySet<LockMode>;
  /** Sequential scans so far, as `readScans` counts them. */
  scans: number;
}

const kinds: Record<string, RelationKind> = {
  r: 'table',
  p: 'partitioned table',
  i: 'index',
  I: 'index',
  S: 'sequence',
  v: 'view',
  m: 'materialized view',
};

/**
 * Columns of a relation `c`. Operators and functions carry their schema, because the statements run
 * between those of a migration, under its search_path.
 */
const columns = `c.oid::pg_catalog.int8 AS oid, n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name,
  c.relkind::pg_catalog.text AS kind, c.relfilenode::pg_catalog.int8 AS file, c.reltablespace::pg_catalog.int8 AS tablespace,
  tn.nspname::pg_catalog.text AS "tableSchema", t.relname::pg_catalog.text AS "tableName"`;
const joins = `LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_index x ON x.indexrelid OPERATOR(pg_catalog.=) c.oid
  LEFT JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) x.indrelid
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace`;

/** Objects of the server have smaller OIDs (server sources, `FirstNormalObjectId`). */
const ofUsers = 16_384;

const allRelations = `SELECT ${columns} FROM pg_catalog.pg_class c ${joins}
  WHERE c.oid OPERATOR(pg_catalog.>=) ${ofUsers}::pg_catalog.oid
    AND n.nspname OPERATOR(pg_catalog.<>) 'pg_toast'::pg_catalog.name`;

/** The locks of the session, as one statement. */
const lockedRelations = `SELECT l.relation::pg_catalog.int8 AS locked, l.modes, l.scans, ${columns}
  FROM (SELECT relation, pg_catalog.string_agg(DISTINCT mode, ' ') AS modes,
      pg_catalog.max(pg_catalog.pg_stat_get_xact_numscans(relation)) AS scans
    FROM pg_catalog.pg_locks
    WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND granted
      AND locktype OPERATOR(pg_catalog.=) 'relation'
      AND relation OPERATOR(pg_catalog.>=) ${ofUsers}::pg_catalog.oid
    GROUP BY relation) l
  LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation ${joins}`;

const relationRow = z.object({
  oid: z.coerce.number(),
  schema: z.string(),
  name: z.string(),
  kind: z.string(),
  file: z.coerce.number(),
  tablespace: z.coerce.number(),
  tableSchema: z.string().nullable(),
  tableName: z.string().nullable(),
});

const lockedRow = z.object({
  locked: z.coerce.number(),
  modes: z.string(),
  scans: z.coerce.number(),
});

const modesByName: Record<string, LockMode> = {
  AccessShareLock: 'ACCESS SHARE',
  RowShareLock: 'ROW SHARE',
  RowExclusiveLock: 'ROW EXCLUSIVE',
  ShareUpdateExclusiveLock: 'SHARE UPDATE EXCLUSIVE',
  ShareLock: 'SHARE',
  ShareRowExclusiveLock: 'SHARE ROW EXCLUSIVE',
  ExclusiveLock: 'EXCLUSIVE',
  AccessExclusiveLock: 'ACCESS EXCLUSIVE',
};

/** Returns every relation of users, by OID; TOAST tables are parts of their tables. */
export async function readRelations(shadow: Session): Promise<Map<number, RelationState>> {
  const { rows } = await shadow.client.query(allRelations);
  return new Map(rows.map((row) => stateOf(row)).map((state) => [state.oid, state]));
}

/** The server has then written the scans of earlier transactions to its statistics, and counts from 0. */
const flushScans = 'SELECT pg_catalog.pg_stat_force_next_flush()';

/**
 * Begins a transaction in which the sequential scans of each table are counted from 0. No query runs in it, because a
 * migration may begin with SET TRANSACTION ISOLATION LEVEL.
 *
 * @param opening settings after BEGIN
 */
export async function beginCounting(shadow: Session, opening: string): Promise<void> {
  await shadow.client.query(flushScans);
  await shadow.client.query(`BEGIN; ${opening}`);
}

/** Returns every lock of the transaction; what follows is sent in the same message. */
export async function readLocked(shadow: Session, following: string): Promise<LockedRelation[]> {
  const quiet = 'SET LOCAL client_min_messages = warning';
  const results = await runAll(shadow, `${quiet}; ${lockedRelations}; ${following}`);
  return parseLocked(results[1] ?? []);
}

/** Returns the rows of each statement of a message. */
async function runAll(shadow: Session, text: string): Promise<unknown[][]> {
  const results: unknown = await shadow.client.query(text);
  const shape = z.array(z.object({ rows: z.array(z.unknown()) }));
  return shape.parse(results).map(({ rows }) => rows);
}

/** Returns the rows of `lockedRelations`. */
function parseLocked(rows: readonly unknown[]): LockedRelation[] {
  return rows.flatMap((row) => {
    const { locked: oid, modes, scans } = lockedRow.parse(row);
    const found = relationRow.safeParse(row);
    if (found.success && found.data.schema === 'pg_toast') return [];
    const state = found.success ? stateOf(found.data) : undefined;
    const names = modes.split(' ').flatMap((name) => modesByName[name] ?? []);
    return { oid, state, scans, modes: new Set(names) };
  });
}

function stateOf(row: unknown): RelationState {
  const { oid, schema, name, kind, file, tablespace, tableSchema, tableName } =
    relationRow.parse(row);
  const table =
    tableSchema !== null && tableName !== null
      ? { table: { schema: tableSchema, name: tableName } }
      : {};
  return {
    oid,
    file,
    tablespace,
    relation: { schema, name, kind: kinds[kind] ?? 'other', ...table },
  };
}
