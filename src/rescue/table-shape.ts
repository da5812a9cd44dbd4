import type { Session } from '../db/session.ts';
import { withQualifiedNames } from './exact-text.ts';

export interface TableName {
  schema: string;
  table: string;
}

/** A table as the database has it now: what copying its rows, and putting them back, must know. */
export interface Shape extends TableName {
  oid: number;
  isPartitioned: boolean;
  /** Its policies hold for its owner too. */
  forcesPolicies: boolean;
  columns: ShapeColumn[];
  /** Columns that tell every row from every other: the primary key first. */
  keys: string[][];
  /** Sequences that its columns take numbers from. */
  sequences: { column: string; schema: string; name: string }[];
  /** `ON CONFLICT` can't be used beside a key that is checked later. */
  hasDeferrableKey: boolean;
  foreignKeys: ForeignKey[];
  switches: Switch[];
}

export interface ShapeColumn {
  /** Its number in the table, which no rename changes. */
  number: number;
  name: string;
  /** As SQL, with its schema and its limit. */
  type: string;
  /** The same without the limit: a cast to it cuts nothing off. */
  bareType: string;
  /** A type that outlives everything that a migration can drop, and holds each value exactly. */
  keptType: string;
  isCollated: boolean;
  isGenerated: boolean;
  /** `GENERATED ALWAYS AS IDENTITY`. */
  isAlwaysIdentity: boolean;
  hasDefault: boolean;
  /**
   * As text: what ADD COLUMN with a DEFAULT gave to the rows that existed then. It stays the same
   * when the default changes, and the server forgets it when it rewrites the table.
   */
  initial: string[];
  /** SQL of the default, where it is a constant. */
  constant: string | null;
}

export interface ForeignKey {
  name: string;
  columns: string[];
  target: TableName;
  targetColumns: string[];
  /** SQL of the equality by which the server compares each target column with its column. */
  operators: string[];
  isDeferrable: boolean;
  isDeferred: boolean;
}

/** A trigger or rule that fires when rows are written, of the table or of a partition. */
export interface Switch extends TableName {
  kind: 'TRIGGER' | 'RULE';
  name: string;
  /** As in `pg_trigger.tgenabled`. */
  state: 'O' | 'R' | 'A';
}

/** Reads the existing tables, in the caller's transaction. */
export async function readShapes(
  session: Session,
  names: readonly TableName[],
): Promise<Map<string, Shape>> {
  const rows = await withQualifiedNames(session, () =>
    session.query<Shape & Record<string, unknown>>(shapes, [
      names.map(({ schema }) => schema),
      names.map(({ table }) => table),
    ]),
  );
  return new Map(rows.map((shape) => [keyOf(shape), shape]));
}

/** The same of one table by its OID, whatever its name is now. */
export async function readShapeOf(session: Session, oid: number): Promise<Shape | undefined> {
  const [name] = await session.query<TableName & Record<string, unknown>>(
    `SELECT n.nspname AS schema, c.relname AS "table" FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::int8::oid`,
    [oid],
  );
  return name && (await readShapes(session, [name])).get(keyOf(name));
}

export function keyOf({ schema, table }: TableName): string {
  return JSON.stringify([schema, table]);
}

const names = (table: string, keys: string) => `(SELECT jsonb_agg(a.attname ORDER BY k.at)
  FROM unnest(${keys}) WITH ORDINALITY k (number, at)
  JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.number)`;

/** Of a partitioned table, each partition has its own. */
const initial = `(SELECT coalesce(jsonb_agg(DISTINCT (m.attmissingval::text::text[])[1]), '[]')
  FROM pg_attribute m
  WHERE m.attrelid IN (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid))
    AND m.attname = a.attname AND m.atthasmissing)`;

/** A literal with casts: nothing is run, and no sequence gives a number out, to compare with it. */
const constant = `(SELECT e.text
  FROM pg_attrdef d, pg_get_expr(d.adbin, d.adrelid) AS e (text)
  WHERE d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = ''
    AND e.text ~ '^[(]*(''([^'']|'''')*''|-?[0-9.]+|true|false)([)]|::[a-zA-Z0-9_ ."]+([(][0-9, -]+[)])?([[][]])*)*$')`;

/**
 * Built-in types are kept as they are, those that represent a name (regclass …) as that name, and
 * those of the application or an extension as text: nothing in the copy depends on them.
 */
const columns = `(SELECT coalesce(jsonb_agg(jsonb_build_object(
    'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
    'bareType', format_type(a.atttypid, -1),
    'keptType', CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')
        AND t.typname !~ '^_?reg[a-z]+$'
      THEN format_type(t.oid, CASE a.atttypmod WHEN -1 THEN coalesce(b.typmod, -1) ELSE a.atttypmod END)
      ELSE 'text' END,
    'isCollated', t.typcollation <> 0 OR t.typnamespace <> 'pg_catalog'::regnamespace OR t.typname ~ '^_?reg[a-z]+$',
    'isGenerated', a.attgenerated <> '', 'isAlwaysIdentity', a.attidentity = 'a',
    'hasDefault', a.atthasdef OR a.attidentity <> '',
    'initial', ${initial}, 'constant', ${constant}) ORDER BY a.attnum), '[]')
  FROM pg_attribute a
    LEFT JOIN bases b ON b.id = a.atttypid JOIN pg_type t ON t.oid = coalesce(b.base, a.atttypid)
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

const keys = `(SELECT coalesce(jsonb_agg(${names('c.oid', 'x.indkey::int2[]')} ORDER BY x.indisprimary DESC, i.relname), '[]')
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
  WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
    AND x.indnkeyatts = x.indnatts
    AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey::int2[])
                       AND NOT a.attnotnull))`;

const sequences = `(SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
    'column', a.attname, 'schema', m.nspname, 'name', s.relname)), '[]')
  FROM (SELECT d.objid AS sequence, d.refobjsubid AS number FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
           AND d.refobjid = c.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
        UNION ALL
        SELECT d.refobjid, f.adnum FROM pg_attrdef f JOIN pg_depend d ON d.objid = f.oid
         WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND f.adrelid = c.oid) used
    JOIN pg_class s ON s.oid = used.sequence AND s.relkind = 'S'
    JOIN pg_namespace m ON m.oid = s.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = used.number)`;

const foreignKeys = `(SELECT coalesce(jsonb_agg(jsonb_build_object('name', f.conname,
    'columns', ${names('c.oid', 'f.conkey')}, 'targetColumns', ${names('f.confrelid', 'f.confkey')},
    'operators', (SELECT jsonb_agg(format('OPERATOR(%I.%s)', s.nspname, o.oprname) ORDER BY e.at)
       FROM unnest(f.conpfeqop) WITH ORDINALITY e (id, at) JOIN pg_operator o ON o.oid = e.id
       JOIN pg_namespace s ON s.oid = o.oprnamespace),
    'target', jsonb_build_object('schema', m.nspname, 'table', r.relname),
    'isDeferrable', f.condeferrable, 'isDeferred', f.condeferred) ORDER BY f.conname), '[]')
  FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid JOIN pg_namespace m ON m.oid = r.relnamespace
  WHERE f.conrelid = c.oid AND f.contype = 'f' AND (f.conparentid = 0 OR c.relispartition))`;

const switches = `(SELECT coalesce(jsonb_agg(jsonb_build_object('kind', w.kind, 'schema', m.nspname,
    'table', r.relname, 'name', w.name, 'state', w.state) ORDER BY m.nspname, r.relname, w.name), '[]')
  FROM (SELECT 'TRIGGER' AS kind, tgrelid AS of, tgname AS name, tgenabled AS state
          FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT 'RULE', ev_class, rulename, ev_enabled FROM pg_rewrite WHERE ev_type IN ('2', '3')) w
    JOIN pg_class r ON r.oid = w.of JOIN pg_namespace m ON m.oid = r.relnamespace
  WHERE w.state <> 'D'
    AND (w.of = c.oid OR w.of IN (SELECT relid FROM pg_partition_tree(c.oid))))`;

const shapes = `WITH RECURSIVE domains (id, base, typmod) AS (
    SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT d.id, t.typbasetype, CASE d.typmod WHEN -1 THEN t.typtypmod ELSE d.typmod END
      FROM domains d JOIN pg_type t ON t.oid = d.base WHERE t.typtype = 'd'),
  bases AS (SELECT d.* FROM domains d JOIN pg_type t ON t.oid = d.base WHERE t.typtype <> 'd')
  SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS "table",
      c.relkind = 'p' AS "isPartitioned",
      c.relrowsecurity AND c.relforcerowsecurity AS "forcesPolicies",
      ${columns} AS columns, ${keys} AS keys, ${sequences} AS sequences,
      EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND NOT x.indimmediate) AS "hasDeferrableKey",
      ${foreignKeys} AS "foreignKeys", ${switches} AS switches
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND (n.nspname, c.relname) IN (
     SELECT * FROM unnest($1::text[], $2::text[]))`;
