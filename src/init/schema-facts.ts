import * as z from 'zod';
import type { Session } from '../db/session.ts';
import { plainName } from '../sql/expression.ts';

/** What a proposal needs to know of a column. */
export interface ColumnFacts {
  name: string;
  /** The name as it is written in SQL. */
  sql: string;
  kind: 'number' | 'text' | 'enum' | 'time' | 'boolean' | 'json' | 'uuid' | 'array' | 'other';
  notNull: boolean;
  /** The server gives it a value where an INSERT does not. */
  isFilled: boolean;
  /** The labels of its enum, or the values that a CHECK allows. */
  labels: string[];
  /** A CHECK does not allow 0. */
  isPositive: boolean;
  /** Of a foreign key of this column alone. */
  references?: { table: string; column: string };
}

/** What a proposal needs to know of a table. */
export interface TableFacts {
  /** Unique among all tables. */
  key: string;
  schema: string;
  name: string;
  /** The name as it is written in SQL. */
  sql: string;
  columns: ColumnFacts[];
  primaryKey: string[];
  /** Columns of each unique index without a condition or an expression. */
  unique: string[][];
  /** Columns of those with a condition. */
  partlyUnique: string[][];
}

const columnRow = z.object({
  schema: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.string(),
  category: z.string(),
  notNull: z.boolean(),
  isFilled: z.boolean(),
  labels: z.array(z.string()).nullable(),
  checks: z.array(z.string()).nullable(),
  target: z.object({ schema: z.string(), table: z.string(), column: z.string() }).nullable(),
});

const indexRow = z.object({
  schema: z.string(),
  table: z.string(),
  isPrimary: z.boolean(),
  isPartial: z.boolean(),
  columns: z.array(z.string()),
});

/** Tables of the server and of tools, which no proposal is about. */
const ofOthers = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'dbops', 'dbops_rescue')
  AND c.relname !~ '^_|migrations?$|^pgmigrations|^knex_|^kysely_'`;

const columnsSql = `SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, t.typname AS type,
    CASE WHEN t.typtype = 'e' THEN 'e' ELSE t.typcategory END AS category, a.attnotnull AS "notNull",
    a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' AS "isFilled",
    (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) AS labels,
    (SELECT array_agg(pg_get_constraintdef(k.oid)) FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS checks,
    (SELECT json_build_object('schema', fn.nspname, 'table', fc.relname, 'column', fa.attname)
       FROM pg_constraint k JOIN pg_class fc ON fc.oid = k.confrelid
       JOIN pg_namespace fn ON fn.oid = fc.relnamespace
       JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = k.confkey[1]
      WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
      ORDER BY k.oid LIMIT 1) AS target
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND ${ofOthers}
 ORDER BY n.nspname, c.relname, a.attnum`;

const indexesSql = `SELECT n.nspname AS schema, c.relname AS table, i.indisprimary AS "isPrimary", i.indpred IS NOT NULL AS "isPartial",
    (SELECT array_agg(a.attname::text ORDER BY place) FROM unnest(i.indkey) WITH ORDINALITY k (attnum, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indisunique AND i.indisvalid AND i.indexprs IS NULL AND ${ofOthers}
 ORDER BY i.indexrelid`;

/** Reads the tables of the application, in one schema each, in the order of their names. */
export async function readSchemaFacts(session: Session): Promise<TableFacts[]> {
  const columns = z.array(columnRow).parse(await session.query(columnsSql));
  const indexes = z.array(indexRow).parse(await session.query(indexesSql));
  const byTable = Map.groupBy(columns, ({ schema, table }) => keyOf(schema, table));
  return Promise.all(
    [...byTable].map(async ([key, rows]) => {
      const { schema = '', table: name = '' } = rows[0] ?? {};
      const own = indexes.filter((each) => keyOf(each.schema, each.table) === key);
      return {
        key,
        schema,
        name,
        sql: [
          ...(schema === 'public' ? [] : [await plainName(schema)]),
          await plainName(name),
        ].join('.'),
        columns: await Promise.all(rows.map(columnOf)),
        primaryKey: own.find(({ isPrimary }) => isPrimary)?.columns ?? [],
        unique: own.filter(({ isPartial }) => !isPartial).map((each) => each.columns),
        partlyUnique: own.filter(({ isPartial }) => isPartial).map((each) => each.columns),
      };
    }),
  );
}

function keyOf(schema: string, table: string): string {
  return JSON.stringify([schema, table]);
}

async function columnOf(row: z.infer<typeof columnRow>): Promise<ColumnFacts> {
  const { name, notNull, isFilled, target } = row;
  return {
    name,
    sql: await plainName(name),
    kind: kindOf(row),
    notNull,
    isFilled,
    labels: row.labels ?? (row.checks ?? []).flatMap(allowedBy),
    isPositive: (row.checks ?? []).some((check) => / > \(?0\b/.test(check)),
    ...(target && {
      references: { table: keyOf(target.schema, target.table), column: target.column },
    }),
  };
}

/** By pg_type.typcategory. */
const kinds: Record<string, ColumnFacts['kind']> = {
  N: 'number',
  S: 'text',
  D: 'time',
  B: 'boolean',
  A: 'array',
  e: 'enum',
};

function kindOf({ type, category }: z.infer<typeof columnRow>): ColumnFacts['kind'] {
  if (type === 'uuid') return 'uuid';
  if (type === 'json' || type === 'jsonb') return 'json';
  if (type === 'time' || type === 'timetz') return 'other'; // times of a day, which are in no period
  return kinds[category] ?? 'other';
}

/** The values of `CHECK (x = ANY (ARRAY['a'::text, …]))`, as the server writes `x IN ('a', …)`. */
function allowedBy(definition: string): string[] {
  if (!/= ANY \(+ARRAY\[/.test(definition)) return [];
  return [...definition.matchAll(/'((?:[^']|'')*)'::/g)].map(([, value = '']) =>
    value.replaceAll("''", "'"),
  );
}
