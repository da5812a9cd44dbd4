import { quoteIdentifier as q, quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { common } from '../catalog/kinds/kind.ts';

/** An object that keeps its identity when it is renamed. */
export interface NamedObject {
  /** Unique in its database and stable. */
  id: string;
  kind: 'schema' | 'relation' | 'column' | 'constraint' | 'type' | 'label';
  schema: string;
  /** The table or type of a column, constraint or label; otherwise empty. */
  parent: string;
  name: string;
  /** The keyword after ALTER. */
  word: string;
  /** The identity of the table whose change of schema also moves it. */
  carrier: string | null;
}

// A constraint with an index is renamed with its index, and the constraint of a partition with that of
// its parent; the sequence of a serial column is a separate object.
const select = `WITH ${common}
  SELECT 'schema' AS kind, 'n' || oid AS id, '' AS schema, '' AS parent, name, 'SCHEMA' AS word, NULL AS carrier FROM schemas
  UNION ALL SELECT 'relation', 'c' || c.oid, c.schema, '', c.relname,
      CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
        WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
      'c' || coalesce((SELECT x.indrelid FROM pg_index x WHERE x.indexrelid = c.oid),
        (SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
           AND c.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass LIMIT 1))
    FROM relations c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'I', 'f')
      AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = c.oid AND o.contype IN ('p', 'u', 'x'))
  UNION ALL SELECT 'column', 'a' || a.attrelid || '.' || a.attnum, c.schema, c.relname, a.attname,
      CASE c.relkind WHEN 'c' THEN 'TYPE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, NULL
    FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped AND a.attislocal
  UNION ALL SELECT 'constraint', 'o' || o.oid, c.schema, c.relname, o.conname, 'TABLE', NULL
    FROM relations c JOIN pg_constraint o ON o.conrelid = c.oid
    WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND o.conislocal AND o.conparentid = 0
  UNION ALL SELECT 'type', 't' || t.oid, n.name, '', t.typname, CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, NULL
    FROM pg_type t JOIN schemas n ON n.oid = t.typnamespace
    WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM brought_along b WHERE b.classid = 'pg_type'::regclass AND b.objid = t.oid)
  UNION ALL SELECT 'label', 'e' || l.oid, n.name, t.typname, l.enumlabel, 'TYPE', NULL
    FROM pg_enum l JOIN pg_type t ON t.oid = l.enumtypid JOIN schemas n ON n.oid = t.typnamespace`;

/**
 * Returns every named object of a database by its identity, in the caller's transaction if one is
 * open.
 */
export async function readIdentities(session: Session): Promise<ReadonlyMap<string, NamedObject>> {
  // One document, because sending a row for each object takes most of the time.
  const [row] = await session.query<{ objects: NamedObject[] | null }>(
    `SELECT json_agg(o) AS objects FROM (${select}) o`,
  );
  return new Map((row?.objects ?? []).map((object) => [object.id, object]));
}

/**
 * Returns SQL that renames objects of both lists to their older names. A planner that compares
 * catalogs would drop a renamed column and add another, and lose its values.
 */
export function renamesBack(
  now: ReadonlyMap<string, NamedObject>,
  before: ReadonlyMap<string, NamedObject>,
): string[] {
  const moved = [...now.values()].flatMap((object): Renamed[] => {
    const old = before.get(object.id);
    return old && placeOf(old) !== placeOf(object) ? [{ object, old }] : [];
  });
  // Containers come first, so that their parts are then addressed by the older names.
  const inOrder = moved.toSorted((a, b) => rank(a) - rank(b));
  const objects = new Map([...now.values()].map((object) => [object.id, { ...object }]));
  return inOrder.flatMap(({ object, old }, at) => {
    const current = objects.get(object.id);
    if (!current || placeOf(current) === placeOf(old)) return [];
    const aside = occupantOf(objects, current, old);
    const sql: string[] = [];
    if (aside) sql.push(...moveTo(objects, aside, { ...aside, name: `dbops_aside_${at}` }));
    sql.push(...moveTo(objects, current, old));
    return sql;
  });
}

interface Renamed {
  object: NamedObject;
  old: NamedObject;
}

const kindsInOrder = ['schema', 'relation', 'type', 'column', 'constraint', 'label'];

function rank({ object }: Renamed): number {
  return kindsInOrder.indexOf(object.kind) + (object.carrier ? 0.5 : 0);
}

function placeOf({
  schema,
  parent,
  name,
}: Pick<NamedObject, 'schema' | 'parent' | 'name'>): string {
  return JSON.stringify([schema, parent, name]);
}

/** Returns the object that currently has the target name, even if it is renamed later. */
function occupantOf(
  objects: ReadonlyMap<string, NamedObject>,
  { id, kind }: NamedObject,
  { schema, parent, name }: NamedObject,
): NamedObject | undefined {
  const target = placeOf({ schema, parent, name });
  const shares = new Set(kind === 'relation' || kind === 'type' ? ['relation', 'type'] : [kind]);
  return [...objects.values()].find(
    (object) => object.id !== id && shares.has(object.kind) && placeOf(object) === target,
  );
}

/** Returns the statements and applies them to `objects`, including parts. */
function moveTo(objects: Map<string, NamedObject>, from: NamedObject, to: NamedObject): string[] {
  const sql: string[] = [];
  const { id, kind } = from;
  if (kind !== 'schema' && !from.parent && from.schema !== to.schema) {
    sql.push(`ALTER ${from.word} ${q(from.schema)}.${q(from.name)} SET SCHEMA ${q(to.schema)}`);
  }
  const here = { ...from, schema: to.schema, parent: to.parent };
  if (from.name !== to.name) sql.push(renameStatement(here, to.name));
  objects.set(id, { ...here, name: to.name });
  if (!from.parent) carryParts(objects, from, to);
  return sql;
}

function carryParts(objects: Map<string, NamedObject>, from: NamedObject, to: NamedObject): void {
  for (const [id, object] of objects) {
    if (from.kind === 'schema' && object.schema === from.name)
      objects.set(id, { ...object, schema: to.name });
    else if (object.carrier === from.id) objects.set(id, { ...object, schema: to.schema });
    else if (object.parent && object.schema === from.schema && object.parent === from.name)
      objects.set(id, { ...object, schema: to.schema, parent: to.name });
  }
}

function renameStatement({ kind, schema, parent, name, word }: NamedObject, to: string): string {
  if (kind === 'schema') return `ALTER SCHEMA ${q(name)} RENAME TO ${q(to)}`;
  if (kind === 'label')
    return `ALTER TYPE ${q(schema)}.${q(parent)} RENAME VALUE ${quoteLiteral(name)} TO ${quoteLiteral(to)}`;
  if (!parent) return `ALTER ${word} ${q(schema)}.${q(name)} RENAME TO ${q(to)}`;
  const part = kind === 'constraint' ? 'CONSTRAINT' : word === 'TYPE' ? 'ATTRIBUTE' : 'COLUMN';
  return `ALTER ${word} ${q(schema)}.${q(parent)} RENAME ${part} ${q(name)} TO ${q(to)}`;
}
