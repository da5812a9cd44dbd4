import { byName, isOfTeam } from './catalogue-sql.ts';
import type { CheckInput } from './definition.ts';
import { oncePerInput } from './once.ts';

/** An index of a table of the team. */
export interface TableIndex {
  oid: number;
  schema: string;
  table: string;
  tableOid: number;
  name: string;
  /** `btree`, `hash`, … */
  method: string;
  /** Its columns by number, or its expressions, each with operator class, collation and order; without INCLUDE. */
  keys: string[];
  /** The columns of the keys by number; 0 is an expression. */
  columns: number[];
  /** Collations of the keys; 0 is none. */
  collations: number[];
  /** Columns of INCLUDE. */
  included: number[];
  /** SQL of the condition of a partial index. */
  predicate: string | null;
  isUnique: boolean;
  nullsNotDistinct: boolean;
  isPrimary: boolean;
  /** Valid and ready: queries use it. */
  isUsable: boolean;
  /** Whether it rejects a duplicate at once, and not at the end of the transaction. */
  isImmediate: boolean;
  /** Its rows identify those that logical replication changes, or CLUSTER sorts by it. */
  isNamedByTable: boolean;
  /** The index of a partitioned table. */
  isPartitioned: boolean;
  /** The part of such an index that belongs to one partition. */
  isAttached: boolean;
  /** The constraint that it enforces. */
  constraint: string | null;
  /** Foreign keys that refer to it. */
  dependents: number;
}

interface IndexRow extends Omit<
  TableIndex,
  'keys' | 'columns' | 'collations' | 'included' | 'dependents'
> {
  keyCount: number;
  attributes: string;
  classes: string;
  collationList: string;
  options: string;
  /** SQL of each key, where one is an expression. */
  expressions: string[] | null;
  /** Of each operator class that has some. */
  parameters: string[] | null;
  dependents: number;
}

/** Vectors are read as text: rows are many, and arrays take most of the time. */
const sql = `SELECT i.oid, n.nspname AS schema, c.relname AS table, c.oid AS "tableOid", i.relname AS name,
    m.amname AS method, x.indnkeyatts AS "keyCount", x.indkey::text AS attributes, x.indclass::text AS classes,
    x.indcollation::text AS "collationList", x.indoption::text AS options,
    CASE WHEN x.indexprs IS NOT NULL
      THEN ARRAY(SELECT pg_get_indexdef(i.oid, at, false) FROM generate_series(1, x.indnkeyatts) at) END AS expressions,
    CASE WHEN m.amname <> 'btree' THEN ARRAY(SELECT a.attnum || a.attoptions::text FROM pg_attribute a
      WHERE a.attrelid = i.oid AND a.attoptions IS NOT NULL ORDER BY a.attnum) END AS parameters,
    CASE WHEN x.indpred IS NOT NULL THEN pg_get_expr(x.indpred, x.indrelid) END AS predicate,
    x.indisunique AS "isUnique", x.indnullsnotdistinct AS "nullsNotDistinct", x.indisprimary AS "isPrimary",
    x.indisvalid AND x.indisready AND x.indislive AS "isUsable", x.indimmediate AS "isImmediate",
    x.indisreplident OR x.indisclustered AS "isNamedByTable",
    i.relkind = 'I' AS "isPartitioned", i.relispartition AS "isAttached",
    o.conname AS constraint, coalesce(f.dependents, 0)::int AS dependents
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam
    LEFT JOIN pg_constraint o ON o.conindid = i.oid AND o.contype IN ('p', 'u', 'x')
    LEFT JOIN (SELECT conindid, count(*) AS dependents FROM pg_constraint WHERE contype = 'f' GROUP BY 1) f
      ON f.conindid = i.oid
  WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'i.relname')}`;

function indexOf(row: IndexRow): TableIndex {
  const {
    keyCount,
    attributes,
    classes,
    collationList,
    options,
    expressions,
    parameters,
    ...rest
  } = row;
  const numbers = (vector: string) => vector.split(' ').map(Number);
  const all = numbers(attributes);
  const columns = all.slice(0, keyCount);
  const [classOf, collations, orders] = [
    classes.split(' '),
    numbers(collationList),
    options.split(' '),
  ];
  const suffix = parameters && parameters.length > 0 ? ` ${parameters.join(' ')}` : '';
  const keys = columns.map((column, at) => {
    const key = column === 0 ? (expressions?.[at] ?? '') : `${column}`;
    return `${key} ${classOf[at]} ${collations[at]} ${orders[at]}${suffix}`;
  });
  return {
    ...rest,
    keys,
    columns,
    collations: collations.slice(0, keyCount),
    included: all.slice(keyCount),
  };
}

/** Returns the indexes of all tables and materialized views of the team, by name. */
export const tableIndexes = oncePerInput(async ({ session }: CheckInput) =>
  (await session.query<IndexRow & Record<string, unknown>>(sql)).map(indexOf),
);
