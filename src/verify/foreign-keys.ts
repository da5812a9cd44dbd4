import { impliedByPresence } from '../sql/presence.ts';
import { byName, isOfTeam } from './catalogue-sql.ts';
import type { CheckInput } from './definition.ts';
import { oncePerInput } from './once.ts';
import { tableIndexes, type TableIndex } from './table-indexes.ts';

/** A foreign key, also of a partition. */
export interface ReferencingKey {
  oid: number;
  /** The key of the partitioned table that it belongs to; 0 is none. */
  parent: number;
  schema: string;
  table: string;
  tableOid: number;
  name: string;
  isPartitioned: boolean;
  /** The referenced table. */
  target: string;
  /** Numbers, names and collations of its columns. */
  columns: number[];
  names: string[];
  collations: number[];
  /** Rows of its table as of the last ANALYZE, or as statistics counted them if it was never analyzed. */
  rows: number;
}

const sql = `SELECT o.oid, o.conparentid AS parent, n.nspname AS schema, c.relname AS table, c.oid AS "tableOid",
    o.conname AS name, c.relkind = 'p' AS "isPartitioned", o.confrelid::regclass::text AS target,
    o.conkey AS columns, k.names, k.collations, CASE WHEN c.reltuples < 0 THEN pg_stat_get_live_tuples(c.oid) ELSE c.reltuples END::float8 AS rows
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT array_agg(a.attname::text ORDER BY at) AS names,
        array_agg(a.attcollation::int8::float8 ORDER BY at) AS collations
      FROM unnest(o.conkey) WITH ORDINALITY key (attnum, at)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = key.attnum) k
  WHERE o.contype = 'f' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'o.conname')}`;

/** Returns the foreign keys of all tables of the team, by name. */
export const foreignKeys = oncePerInput(({ session }: CheckInput): Promise<ReferencingKey[]> =>
  session.query<ReferencingKey & Record<string, unknown>>(sql),
);

/**
 * Returns the indexes by which the server finds the rows of each foreign key, by the OID of the key; of the
 * key of a partitioned table also those of all of its partitions together.
 */
export async function indexesOfKeys(input: CheckInput): Promise<Map<number, TableIndex[]>> {
  const keys = await foreignKeys(input);
  const byTable = Map.groupBy(await tableIndexes(input), ({ tableOid }) => tableOid);
  const found = new Map<number, TableIndex[]>();
  for (const key of keys) {
    const indexes = byTable.get(key.tableOid) ?? [];
    const covering = await Promise.all(
      indexes.map(async (index) => ((await covers(index, key)) ? [index] : [])),
    );
    found.set(key.oid, covering.flat());
  }
  const partsOf = Map.groupBy(keys, ({ parent }) => parent);
  const all = (key: ReferencingKey): TableIndex[] => {
    const own = found.get(key.oid) ?? [];
    if (own.length > 0 || !key.isPartitioned) return own;
    const parts = (partsOf.get(key.oid) ?? []).map(all);
    return parts.every((part) => part.length > 0) ? parts.flat() : [];
  };
  return new Map(keys.map((key) => [key.oid, all(key)]));
}

/** Returns an index that begins with one of the columns of a key, whose other columns it lacks. */
export async function partialIndexOf(
  input: CheckInput,
  key: ReferencingKey,
): Promise<TableIndex | undefined> {
  for (const index of await tableIndexes(input)) {
    const [first = 0] = index.columns;
    const isFirst = index.tableOid === key.tableOid && key.columns.includes(first);
    if (!isFirst || !index.isUsable || !methods.has(index.method)) continue;
    if (index.predicate === null || (await impliedByPresence(index.predicate, key.names)))
      return index;
  }
  return undefined;
}

/** Access methods that find rows by `=`. */
const methods = new Set(['btree', 'hash']);

/**
 * Returns whether the server finds the rows with the columns of a key by an index: their order in the index
 * is irrelevant, because all of them are compared with `=`. A unique index on some of them finds one row.
 */
async function covers(index: TableIndex, key: ReferencingKey): Promise<boolean> {
  if (!index.isUsable || !methods.has(index.method)) return false;
  const isUniquePart =
    index.isUnique && index.predicate === null && index.keys.length < key.columns.length;
  const length = isUniquePart ? index.keys.length : key.columns.length;
  const leading = index.columns.slice(0, length);
  const isCompared = leading.every((column, at) => {
    const place = key.columns.indexOf(column);
    const collation = index.collations[at] ?? 0;
    return place >= 0 && (collation === 0 || collation === key.collations[place]);
  });
  if (!isCompared || new Set(leading).size < length) return false;
  return index.predicate === null || impliedByPresence(index.predicate, key.names);
}
