import * as z from 'zod';
import type { Session } from '../db/session.ts';
import { keepsValues, type ValueType } from './type-widening.ts';

export const lossShape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('table'), schema: z.string(), table: z.string() }),
  z.object({
    kind: z.literal('column'),
    schema: z.string(),
    table: z.string(),
    column: z.string(),
    change: z.enum(['dropped', 'narrowed']),
    /** The type before, and the type after for a column that still exists. */
    from: z.string(),
    to: z.string().exactOptional(),
  }),
]);

/** Data that a migration destroys, under the names before it. */
export type Loss = z.infer<typeof lossShape>;

/** The tables of a database that store rows, by OID. */
export type Storage = ReadonlyMap<number, StoredTable>;

export interface StoredTable {
  oid: number;
  schema: string;
  name: string;
  /** The OID of the table of which it is a partition. */
  parent: number | null;
  columns: readonly StoredColumn[];
}

interface StoredColumn {
  /** Its attnum, which a rename does not change. */
  number: number;
  name: string;
  /** As SQL. */
  type: string;
  typeId: number;
  isGenerated: boolean;
  value: ValueType;
}

/** Schemas of dbops and the server. No backslash: its meaning depends on standard_conforming_strings. */
const systemSchemas = `'^(pg_|dbops$|dbops_|information_schema$)'`;

/**
 * Reads the tables that store rows, and their columns. Excluded are foreign tables, materialized
 * views, whose rows can be rebuilt, and tables of extensions.
 *
 * @param plan the name of a prepared statement, for a shadow that is read many times
 */
export async function readStorage(session: Session, plan?: string): Promise<Storage> {
  const tables =
    plan === undefined
      ? await session.query<StoredTable & Record<string, unknown>>(storage)
      : (await session.client.query<StoredTable>({ text: storage, name: plan })).rows;
  return new Map(tables.map((table) => [table.oid, table]));
}

const storage = `WITH RECURSIVE domains (id, base, typmod) AS (
    SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT d.id, t.typbasetype, CASE d.typmod WHEN -1 THEN t.typtypmod ELSE d.typmod END
      FROM domains d JOIN pg_type t ON t.oid = d.base WHERE t.typtype = 'd'),
  bases AS (SELECT d.* FROM domains d JOIN pg_type t ON t.oid = d.base WHERE t.typtype <> 'd'),
  parts (id, names) AS (
    SELECT enumtypid, jsonb_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum GROUP BY 1
    UNION ALL
    SELECT t.oid, jsonb_agg(a.attnum || ' ' || a.atttypid ORDER BY a.attnum)
      FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
        JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped GROUP BY 1)
  SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name,
      (SELECT inhparent::int8::float8 FROM pg_inherits WHERE inhrelid = c.oid AND c.relispartition) AS parent,
      coalesce(json_agg(json_build_object(
        'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'typeId', a.atttypid::int8, 'isGenerated', a.attgenerated <> '',
        'value', json_build_object(
          'name', coalesce(e.typname, t.typname), 'isArray', e.oid IS NOT NULL,
          'limit', CASE a.atttypmod WHEN -1 THEN coalesce(b.typmod, -1) ELSE a.atttypmod END,
          'parts', coalesce(p.names, '[]')))
        ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '[]') AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN bases b ON b.id = a.atttypid
      LEFT JOIN pg_type t ON t.oid = coalesce(b.base, a.atttypid)
      LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
      LEFT JOIN parts p ON p.id = coalesce(e.oid, t.oid)
   WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ ${systemSchemas}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                        AND d.objid = c.oid AND d.deptype = 'e')
   GROUP BY c.oid, n.nspname ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/**
 * Returns the data lost between two readings of the same database. Tables are matched by OID and
 * columns by number, so that a rename is not a loss. Losses of a partition that its parent shares
 * are omitted.
 */
export function lossesBetween(before: Storage, after: Storage): Loss[] {
  const losses = new Map<number, Loss[]>();
  for (const table of before.values()) losses.set(table.oid, lossesOf(table, after.get(table.oid)));
  return [...before.values()].flatMap((table) =>
    (losses.get(table.oid) ?? []).filter((loss) => !isOfParent(loss, table, before, losses)),
  );
}

function lossesOf(table: StoredTable, now: StoredTable | undefined): Loss[] {
  const { schema, name } = table;
  if (!now) return [{ kind: 'table', schema, table: name }];
  const columns = new Map(now.columns.map((column) => [column.number, column]));
  return table.columns.flatMap((column): Loss[] => {
    if (column.isGenerated) return []; // its values can be recomputed
    const current = columns.get(column.number);
    const identity = { schema, table: name, column: column.name, from: column.type };
    if (!current) return [{ kind: 'column', ...identity, change: 'dropped' }];
    if (isSameType(column, current) || keepsValues(column.value, current.value)) return [];
    return [{ kind: 'column', ...identity, change: 'narrowed', to: current.type }];
  });
}

/** Returns whether the type is unchanged and has lost no labels or attributes. */
function isSameType(one: StoredColumn, other: StoredColumn): boolean {
  const { value } = other;
  return (
    one.typeId === other.typeId &&
    one.value.limit === value.limit &&
    one.value.parts.every((part) => value.parts.includes(part))
  );
}

function isOfParent(
  loss: Loss,
  { parent }: StoredTable,
  before: Storage,
  losses: ReadonlyMap<number, readonly Loss[]>,
): boolean {
  const of = parent === null ? undefined : before.get(parent);
  if (!of) return false;
  const isCovered = (losses.get(of.oid) ?? []).some(
    (other) =>
      other.kind === 'table' ||
      (loss.kind === 'column' && other.kind === 'column' && other.column === loss.column),
  );
  return isCovered || isOfParent(loss, of, before, losses);
}
