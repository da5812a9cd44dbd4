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

const uniqueIndex = z.object({
  columns: z.array(z.string()),
  /** Its equality operator for each column, as SQL. */
  operators: z.array(z.string()),
  predicate: z.string().nullable(),
});

export type UniqueIndex = z.infer<typeof uniqueIndex>;

const seedTable = z.object({
  oid: z.number(),
  schema: z.string(),
  name: z.string(),
  kind: z.string(),
  columns: z.array(column),
  primaryKey: z.array(z.string()),
  uniques: z.array(uniqueIndex),
  foreignKeys: z.array(
    z.object({
      columns: z.array(z.string()),
      table: z.number(),
      targets: z.array(z.string()),
    }),
  ),
});

export type SeedTable = z.infer<typeof seedTable>;

const found = z.object({
  tables: z.array(z.object({ n: z.number(), table: seedTable.nullable() })),
  hasRecord: z.boolean(),
  unstable: z.array(z.string()),
});

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
  const texts = functions.map((name) => quoteLiteral(name)).join(', ');
  // The names are resolved under the path of the role, everything else under our own.
  const message = [
    ...opening,
    toUserPath,
    `SELECT pg_catalog.set_config('dbops.seed_tables', ${resolved}::pg_catalog.text, true)`,
    toOwnPath(session),
    // A few rows of each catalog are wanted, and the planner does not know how few.
    'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off',
    `${catalogSql}, ${functions.length === 0 ? `'[]'::jsonb` : unstableSql(texts)} AS unstable`,
    'SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT',
  ].join(';\n');
  const answers = await session.client.query(message);
  const rows = [answers].flat().at(-3)?.rows ?? [];
  const [{ tables, hasRecord, unstable }] = z.tuple([found]).parse(rows);
  const byNumber = new Map(tables.map(({ n, table }) => [n, table]));
  return {
    tables: names.map((_, index) => byNumber.get(index + 1) ?? null),
    hasRecord,
    unstable: new Set(unstable),
  };
}

const unstableSql = (
  names: string,
) => `(SELECT coalesce(jsonb_agg(DISTINCT p.proname), '[]') FROM pg_proc p
      WHERE p.proname = ANY (ARRAY[${names}]::name[]) AND p.provolatile <> 'i')`;

const namesOf = (relation: string, numbers: string) => `(
  SELECT coalesce(jsonb_agg(a.attname ORDER BY k.place), '[]')
    FROM unnest(${numbers}::int2[]) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`;

const columnsSql = `(
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'name', a.attname,
           'type', format_type(a.atttypid, a.atttypmod),
           'collation', CASE WHEN a.attcollation <> 0 AND a.attcollation <> 'pg_catalog."default"'::regcollation
             THEN a.attcollation::regcollation::text END,
           'isPlain', t.typnamespace = 'pg_catalog'::regnamespace AND t.typcollation = 0 AND t.typcategory <> 'A'
             AND t.oid = ANY (ARRAY (SELECT o.opcintype FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                                      WHERE m.amname = 'btree' AND o.opcdefault)),
           'isJson', t.oid IN ('json'::regtype, 'jsonb'::regtype),
           'isNumber', t.typcategory = 'N',
           'isInteger', t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype),
           'isGenerated', a.attgenerated <> '',
           'isAlwaysIdentity', a.attidentity = 'a') ORDER BY a.attnum), '[]')
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

/** Strategy 3 of a btree is equality. */
const operatorsSql = `(
  SELECT coalesce(jsonb_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY k.place), '[]')
    FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k (class, place)
    JOIN pg_opclass p ON p.oid = k.class
    JOIN pg_amop s ON s.amopfamily = p.opcfamily AND s.amopstrategy = 3
     AND s.amoplefttype = p.opcintype AND s.amoprighttype = p.opcintype
    JOIN pg_operator o ON o.oid = s.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace)`;

/** Those that ON CONFLICT can infer from columns: without expressions, valid and not deferrable. */
const uniquesSql = `(
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'columns', ${namesOf('c.oid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')},
           'operators', ${operatorsSql},
           'predicate', pg_get_expr(i.indpred, i.indrelid)) ORDER BY i.indpred IS NOT NULL, i.indexrelid), '[]')
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
   WHERE i.indrelid = c.oid AND m.amname = 'btree' AND i.indisunique AND i.indisvalid AND i.indimmediate
     AND i.indexprs IS NULL)`;

const foreignKeysSql = `(
  SELECT coalesce(jsonb_agg(jsonb_build_object('table', f.confrelid::int8,
           'columns', ${namesOf('f.conrelid', 'f.conkey')},
           'targets', ${namesOf('f.confrelid', 'f.confkey')}) ORDER BY f.oid), '[]')
    FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = c.oid)`;

const primaryKeySql = `coalesce((
  SELECT ${namesOf('c.oid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')}
    FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), '[]')`;

const catalogSql = `SELECT to_regclass('dbops.seeds') IS NOT NULL AS "hasRecord", (
  SELECT coalesce(jsonb_agg(jsonb_build_object('n', w.n, 'table',
           CASE WHEN c.oid IS NOT NULL THEN jsonb_build_object('oid', c.oid::int8, 'schema', s.nspname,
             'name', c.relname, 'kind', c.relkind::text, 'columns', ${columnsSql}, 'primaryKey', ${primaryKeySql},
             'uniques', ${uniquesSql}, 'foreignKeys', ${foreignKeysSql}) END)), '[]')
    FROM unnest(current_setting('dbops.seed_tables')::oid[]) WITH ORDINALITY AS w (oid, n)
    LEFT JOIN pg_class c ON c.oid = w.oid LEFT JOIN pg_namespace s ON s.oid = c.relnamespace) AS tables`;
