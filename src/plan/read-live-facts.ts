import { codeOf } from '../db/connection-error.ts';
import { readOnly, withSavepoint, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import type { LiveFacts, TableSizes } from './live-facts.ts';
import { relationKey } from './observation.ts';
import { readActivity } from './read-activity.ts';

/** A part of the name of a table: the key of `WriteSample`, as JSON of schema and name. */
type TableKey = string;

/** The rows that were inserted, updated and deleted since the statistics were reset, by table. */
export interface WriteSample {
  /** Milliseconds since the epoch, by the clock of the server. */
  at: number;
  /** By `relationKey`. */
  writes: ReadonlyMap<TableKey, number>;
}

interface TableRow extends Record<string, unknown> {
  oid: number;
  parent: number | null;
  schema: string;
  name: string;
  kind: TableSizes['kind'];
  rows: number;
  heapBytes: number;
  toastBytes: number;
}

interface IndexRow extends Record<string, unknown> {
  table: number;
  name: string;
  bytes: number;
  isValid: boolean;
}

/** How long reading sizes waits for a lock, as SQL. */
const patience = '300ms';

/**
 * Reads what plan needs to know of a database: its tables and indexes with their sizes, and what is at work
 * on the server. Runs in one read-only transaction and holds no lock that writes or DDL would notice.
 * Whatever the role may not see is left out.
 *
 * @param applied names of the applied migrations
 */
export function readLiveFacts(
  session: Session,
  { applied }: { applied: readonly string[] },
): Promise<LiveFacts> {
  return readOnly(session, async () => ({
    serverVersion: session.server.version,
    tables: await readTables(session),
    activity: await readActivity(session),
    applied: [...applied],
  }));
}

async function readTables(session: Session): Promise<TableSizes[]> {
  const rows = await readSizes(session);
  const indexes = Map.groupBy(rows.indexes, ({ table }) => table);
  const byOid = new Map(rows.tables.map((row) => [row.oid, row]));
  const children = Map.groupBy(rows.tables, ({ parent }) => parent ?? 0);
  return rows.tables.map((row) => {
    const partitioned = row.parent === null ? undefined : byOid.get(row.parent);
    return {
      schema: row.schema,
      name: row.name,
      kind: row.kind,
      ...(partitioned && { partitionOf: { schema: partitioned.schema, name: partitioned.name } }),
      ...storedBy(row, children),
      indexes: (indexes.get(row.oid) ?? []).map(({ name, bytes, isValid }) => ({
        name,
        bytes,
        isValid,
      })),
    };
  });
}

type Stored = Pick<TableSizes, 'rows' | 'heapBytes' | 'toastBytes'>;

/** Returns the rows and bytes of a table, or of all its partitions. */
function storedBy(row: TableRow, children: ReadonlyMap<number, readonly TableRow[]>): Stored {
  const parts = (children.get(row.oid) ?? []).map((child) => storedBy(child, children));
  return [row, ...parts].reduce<Stored>(
    (sum, each) => ({
      rows: sum.rows + each.rows,
      heapBytes: sum.heapBytes + each.heapBytes,
      toastBytes: sum.toastBytes + each.toastBytes,
    }),
    { rows: 0, heapBytes: 0, toastBytes: 0 },
  );
}

/**
 * Reads the sizes of the files. `pg_relation_size` locks the relation in ACCESS SHARE, so that it waits for a
 * migration at work; then the sizes are those that VACUUM and ANALYZE recorded.
 */
async function readSizes(session: Session) {
  const read = async (sizes: Sizes) => ({
    tables: await session.query<TableRow>(tablesSql(sizes)),
    indexes: await session.query<IndexRow>(indexesSql(sizes)),
  });
  try {
    return await withSavepoint(session, async () => {
      await session.script(`SET LOCAL lock_timeout = '${patience}'`);
      return read('measured');
    });
  } catch (error) {
    if (codeOf(error) !== sqlstate.lockNotAvailable) throw error;
    return read('recorded');
  }
}

type Sizes = 'measured' | 'recorded';

/** SQL of the bytes of a relation; 0 of one that was dropped in the meantime. */
function bytesOf(relation: string, sizes: Sizes): string {
  return sizes === 'measured'
    ? `coalesce(pg_relation_size(${relation}.oid), 0)::float8`
    : `(${relation}.relpages * current_setting('block_size')::float8)`;
}

/**
 * Relations of the application, `c` in the schema `n`; without temporary tables, which end with their session.
 */
const ofApplication = `c.relpersistence <> 't' AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'`;

/**
 * The rows of a table as the planner estimates them (server sources, `estimate_rel_size`): the rows for each page
 * at the last VACUUM or ANALYZE, times the pages of now. Where neither has run, the rows that the statistics
 * counted, else the bytes by the width of the columns: 32 for one of variable width, 28 for the header.
 */
const rowsSql = `CASE
      WHEN relkind = 'p' OR bytes = 0 THEN 0
      WHEN reltuples >= 0 AND relpages > 0 THEN reltuples::float8 * (bytes / block / relpages)
      WHEN live > 0 THEN live
      ELSE bytes / (28 + coalesce((SELECT sum(CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END)
        FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped), 0)) END`;

function tablesSql(sizes: Sizes): string {
  return `SELECT oid, parent, schema, name, kind, round((${rowsSql})::numeric)::float8 AS rows,
      bytes AS "heapBytes", toast AS "toastBytes"
    FROM (SELECT c.oid, c.relkind, c.reltuples, c.relpages, h.inhparent AS parent, n.nspname AS schema,
        c.relname AS name, current_setting('block_size')::float8 AS block,
        CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
          ELSE 'materialized view' END AS kind,
        CASE WHEN c.relkind = 'p' THEN 0 ELSE ${bytesOf('c', sizes)} END AS bytes,
        CASE WHEN o.oid IS NULL THEN 0 ELSE ${bytesOf('o', sizes)} END AS toast,
        pg_stat_get_live_tuples(c.oid)::float8 AS live
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
        LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND c.relispartition
      WHERE c.relkind IN ('r', 'p', 'm') AND ${ofApplication}) t
    ORDER BY schema COLLATE "C", name COLLATE "C"`;
}

function indexesSql(sizes: Sizes): string {
  return `SELECT x.indrelid AS table, i.relname AS name,
      CASE WHEN i.relkind = 'I' THEN 0 ELSE ${bytesOf('i', sizes)} END AS bytes,
      x.indisvalid AND x.indisready AND x.indislive AS "isValid"
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND ${ofApplication}
    ORDER BY i.relname COLLATE "C"`;
}

interface WriteRow extends Record<string, unknown> {
  schema: string;
  name: string;
  writes: number;
  at: number;
}

/** Samples the rows that were written, for `ratesBetween`; takes one query. */
export async function sampleWrites(session: Session): Promise<WriteSample> {
  const rows = await readOnly(session, () =>
    session.query<WriteRow>(`SELECT schemaname AS schema, relname AS name,
        (n_tup_ins + n_tup_upd + n_tup_del)::float8 AS writes,
        (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at
      FROM pg_stat_user_tables`),
  );
  return {
    at: rows[0]?.at ?? Date.now(),
    writes: new Map(rows.map((row) => [relationKey(row), row.writes])),
  };
}

/**
 * Returns the writes per second between two samples, by `relationKey`. A table that one of them lacks is left out,
 * and so is one whose statistics were reset in between.
 *
 * The server publishes the statistics of a session at most once a second (server manual, "The Cumulative
 * Statistics System"), so samples less than a second apart give no rates.
 */
export function ratesBetween(before: WriteSample, after: WriteSample): Map<TableKey, number> {
  const seconds = (after.at - before.at) / 1_000;
  const rates = new Map<TableKey, number>();
  if (seconds < 1) return rates;
  for (const [key, writes] of after.writes) {
    const first = before.writes.get(key);
    if (first !== undefined && writes >= first) rates.set(key, (writes - first) / seconds);
  }
  return rates;
}

/** Returns facts in which each table has its rate of writes; that of a partitioned table is the sum of its partitions. */
export function withRates(facts: LiveFacts, rates: ReadonlyMap<TableKey, number>): LiveFacts {
  const parts = Map.groupBy(
    facts.tables,
    ({ partitionOf }) => partitionOf && relationKey(partitionOf),
  );
  const rateOf = (table: TableSizes): number | undefined => {
    const all = [
      rates.get(relationKey(table)),
      ...(parts.get(relationKey(table)) ?? []).map(rateOf),
    ];
    const known = all.filter((rate) => rate !== undefined);
    return known.length === 0 ? undefined : known.reduce((sum, rate) => sum + rate, 0);
  };
  const tables = facts.tables.map((table) => {
    const writesPerSecond = rateOf(table);
    return { ...table, ...(writesPerSecond !== undefined && { writesPerSecond }) };
  });
  return { ...facts, tables };
}
