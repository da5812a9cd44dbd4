import * as z from 'zod';
import { quoteLiteral } from '../db/quote.ts';
import { toOwnPath, toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { quotedName, type TrackingTableName } from '../formats/shared/tracking-table.ts';

const column = z.object({
  name: z.string(),
  /** As SQL, with its schema where it is not pg_catalog. */
  type: z.string(),
  /** SQL; null for the default collation and for types that have none. */
  collation: z.string().nullable(),
  /** IS DISTINCT FROM compares it by an operator of pg_catalog that no collation changes. */
  isPlain: z.boolean(),
  isJson: z.boolean(),
  isNumber: z.boolean(),
  isInteger: z.boolean(),
  /** GENERATED ALWAYS AS (…). */
  isGenerated: z.boolean(),
  isAlwaysIdentity: z.boolean(),
});

export type SeedColumn = z.infer<typeof column>;

export interface UniqueIndex {
  columns: string[];
  /** Its equality operator for each column, as SQL. */
  operators: string[];
  predicate: string | null;
}

export interface SeedTable {
  oid: number;
  schema: string;
  name: string;
  kind: string;
  columns: SeedColumn[];
  primaryKey: string[];
  /** Those that ON CONFLICT can infer from columns. */
  uniques: UniqueIndex[];
  /** Those to tables that were read with this one; `table` is an OID. */
  foreignKeys: { columns: string[]; table: number; targets: string[] }[];
}

const found = z.tuple([
  z.array(
    z.object({
      n: z.number(),
      oid: z.number(),
      schema: z.string(),
      name: z.string(),
      kind: z.string(),
    }),
  ),
  z.array(column.extend({ table: z.number(), number: z.number() })),
  z.array(
    z.object({
      table: z.number(),
      numbers: z.array(z.number()),
      classes: z.array(z.number()),
      predicate: z.string().nullable(),
      isPrimary: z.boolean(),
      isInferable: z.boolean(),
    }),
  ),
  z.array(
    z.object({
      table: z.number(),
      target: z.number(),
      numbers: z.array(z.number()),
      targetNumbers: z.array(z.number()),
    }),
  ),
  z.tuple([z.object({ hasRecord: z.boolean(), unstable: z.array(z.string()) })]),
]);

type Found = z.infer<typeof found>;

export interface SeedCatalog {
  /** In the order of the names; null: no such table. */
  tables: (SeedTable | null)[];
  /** dbops.seeds exists. */
  hasRecord: boolean;
  /** Those of the functions whose result is not always the same. */
  unstable: ReadonlySet<string>;
}

/**
 * Reads tables in the message of `opening`, by the search_path of the role.
 *
 * @param functions names of functions, of which those are returned that are not IMMUTABLE
 */
export async function readCatalog(
  session: Session,
  names: readonly TrackingTableName[],
  functions: readonly string[],
  opening: readonly string[],
): Promise<SeedCatalog> {
  const oids = names.map(
    (name) => `pg_catalog.to_regclass(${quoteLiteral(quotedName(name))})::pg_catalog.oid`,
  );
  const resolved = `ARRAY[${oids.join(', ')}]::pg_catalog.oid[]`;
  // The names are resolved under the path of the role, everything else under our own.
  const message = [
    ...opening,
    toUserPath,
    `SELECT pg_catalog.set_config('dbops.seed_tables', ${resolved}::pg_catalog.text, true)`,
    toOwnPath(session),
    // A few rows of each catalog are wanted, and the planner does not know how few.
    'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off',
    tablesSql,
    columnsSql,
    indexesSql,
    foreignKeysSql,
    recordSql(functions),
    'SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT',
  ].join(';\n');
  const answers = [await session.client.query(message)].flat();
  const parsed = found.parse(
    answers.slice(-7, -2).map(({ rows }) => rows),
    { jitless: true },
  );
  const [tables, , , , [{ hasRecord, unstable }]] = parsed;
  const complete = await completeTables(session, parsed);
  const byNumber = new Map(tables.map(({ n, oid }) => [n, complete.get(oid) ?? null]));
  return {
    tables: names.map((_, index) => byNumber.get(index + 1) ?? null),
    hasRecord,
    unstable: new Set(unstable),
  };
}

/** Returns the tables by their OIDs. */
async function completeTables(
  session: Session,
  [tables, columns, indexes, foreignKeys]: Found,
): Promise<Map<number, SeedTable>> {
  const nameOf = new Map(columns.map(({ table, number, name }) => [`${table}.${number}`, name]));
  const named = (table: number, numbers: readonly number[]) =>
    numbers.map((number) => nameOf.get(`${table}.${number}`) ?? '');
  const allClasses = indexes.flatMap(({ classes }) => classes);
  const operators = await operatorsOf(session, allClasses);
  const known = new Set(tables.map(({ oid }) => oid));
  const completed = tables.map(({ oid, schema, name, kind }): [number, SeedTable] => {
    const own = indexes.filter(({ table }) => table === oid);
    const uniques = own.filter(({ isInferable }) => isInferable);
    const primary = own.find(({ isPrimary }) => isPrimary);
    const references = foreignKeys.filter(
      ({ table, target }) => table === oid && known.has(target),
    );
    const parts = {
      columns: columns.filter(({ table }) => table === oid),
      primaryKey: primary ? named(oid, primary.numbers) : [],
      uniques: uniques.map(({ numbers, classes, predicate }) => ({
        columns: named(oid, numbers),
        operators: classes.map((each) => operators.get(each) ?? builtInEquality),
        predicate,
      })),
      foreignKeys: references.map(({ target, numbers, targetNumbers }) => ({
        columns: named(oid, numbers),
        table: target,
        targets: named(target, targetNumbers),
      })),
    };
    return [oid, { oid, schema, name, kind, ...parts }];
  });
  return new Map(completed);
}

const builtInEquality = 'OPERATOR(pg_catalog.=)';

/** The server's own classes compare by `pg_catalog.=`; others begin here (server sources, `FirstNormalObjectId`). */
const firstOfOthers = 16_384;

/** Returns the equality operators of operator classes, except those that have `builtInEquality`. */
async function operatorsOf(
  session: Session,
  classes: readonly number[],
): Promise<Map<number, string>> {
  const others = classes.filter((each) => each >= firstOfOthers);
  if (others.length === 0) return new Map();
  const rows = await session.query<{ class: number; operator: string }>(operatorsSql, [others]);
  return new Map(rows.map((row) => [row.class, row.operator]));
}

/** Strategy 3 of a btree is equality. */
const operatorsSql = `SELECT p.oid::int8::float8 AS class, format('OPERATOR(%I.%s)', n.nspname, o.oprname) AS operator
    FROM pg_opclass p
    JOIN pg_amop s ON s.amopfamily = p.opcfamily AND s.amopstrategy = 3
     AND s.amoplefttype = p.opcintype AND s.amoprighttype = p.opcintype
    JOIN pg_operator o ON o.oid = s.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace
   WHERE p.oid = ANY ($1::oid[])`;

// One small statement for each catalog: the server plans these faster than one that joins them.

const seedTables = `current_setting('dbops.seed_tables')::oid[]`;

const tablesSql = `SELECT w.n::int4 AS n, c.oid::int8::float8 AS oid, s.nspname AS schema, c.relname AS name, c.relkind::text AS kind
    FROM unnest(${seedTables}) WITH ORDINALITY AS w (oid, n)
    JOIN pg_class c ON c.oid = w.oid JOIN pg_namespace s ON s.oid = c.relnamespace`;

/** 403 is btree. */
const columnsSql = `SELECT a.attrelid::int8::float8 AS table, a.attnum AS number, a.attname AS name,
         format_type(a.atttypid, a.atttypmod) AS type,
         CASE WHEN a.attcollation <> 0 AND a.attcollation <> 'pg_catalog."default"'::regcollation
              THEN a.attcollation::regcollation::text END AS collation,
         t.typnamespace = 'pg_catalog'::regnamespace AND t.typcollation = 0 AND t.typcategory <> 'A'
           AND EXISTS (SELECT FROM pg_opclass o WHERE o.opcmethod = 403 AND o.opcdefault AND o.opcintype = t.oid) AS "isPlain",
         t.oid IN ('json'::regtype, 'jsonb'::regtype) AS "isJson",
         t.typcategory = 'N' AS "isNumber",
         t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AS "isInteger",
         a.attgenerated <> '' AS "isGenerated",
         a.attidentity = 'a' AS "isAlwaysIdentity"
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   WHERE a.attrelid = ANY (${seedTables}) AND a.attnum > 0 AND NOT a.attisdropped
   ORDER BY a.attrelid, a.attnum`;

/**
 * ON CONFLICT can infer those without expressions that are valid and not deferrable. `record_image_ops` alone of
 * the server's own classes has another equality than `=`.
 */
const indexesSql = `SELECT i.indrelid::int8::float8 AS table, (i.indkey::int2[])[0:i.indnkeyatts - 1]::int4[] AS numbers,
         i.indclass::oid[]::int8[]::float8[] AS classes, pg_get_expr(i.indpred, i.indrelid) AS predicate,
         i.indisprimary AS "isPrimary", x.relam = 403 AND i.indisvalid AND i.indimmediate
           AND NOT EXISTS (SELECT FROM pg_opclass o WHERE o.oid = ANY (i.indclass) AND o.opcname = 'record_image_ops')
           AS "isInferable"
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
   WHERE i.indrelid = ANY (${seedTables}) AND i.indisunique AND i.indexprs IS NULL
   ORDER BY i.indpred IS NOT NULL, i.indexrelid`;

const foreignKeysSql = `SELECT f.conrelid::int8::float8 AS table, f.confrelid::int8::float8 AS target,
         f.conkey::int4[] AS numbers, f.confkey::int4[] AS "targetNumbers"
    FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = ANY (${seedTables})
   ORDER BY f.oid`;

const recordSql = (functions: readonly string[]) => {
  const names = functions.map((name) => quoteLiteral(name)).join(', ');
  const unstable = `SELECT DISTINCT p.proname::text FROM pg_proc p
    WHERE p.proname = ANY (ARRAY[${names}]::name[]) AND p.provolatile <> 'i'`;
  return `SELECT to_regclass('dbops.seeds') IS NOT NULL AS "hasRecord",
    ${functions.length === 0 ? `'{}'::text[]` : `ARRAY (${unstable})`} AS unstable`;
};
