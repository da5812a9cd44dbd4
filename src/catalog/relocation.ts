import { quoteIdentifier } from '../db/quote.ts';
import type { SchemaObject } from './kinds/kind.ts';
import type { Session } from '../db/session.ts';

/** An extension of a database. */
export interface InstalledExtension {
  name: string;
  schema: string;
  /** The names of its functions, types and operators, without their schema. */
  members: readonly string[];
}

/** Reads the extensions whose objects need a schema in deparsed text. */
export function readExtensions(session: Session): Promise<InstalledExtension[]> {
  return session.query<{ name: string; schema: string; members: string[] }>(
    `SELECT e.extname AS name, n.nspname AS schema, array(
        SELECT p.proname::text FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
          WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
            AND d.refobjid = e.oid AND d.deptype = 'e'
        UNION SELECT o.oprname::text FROM pg_depend d JOIN pg_operator o ON o.oid = d.objid
          WHERE d.classid = 'pg_operator'::regclass AND d.refclassid = 'pg_extension'::regclass
            AND d.refobjid = e.oid AND d.deptype = 'e'
        UNION SELECT t.typname::text FROM pg_depend d JOIN pg_type t ON t.oid = d.objid
          WHERE d.classid = 'pg_type'::regclass AND d.refclassid = 'pg_extension'::regclass
            AND d.refobjid = e.oid AND d.deptype = 'e') AS members
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
      WHERE n.nspname <> 'pg_catalog'`,
  );
}

/**
 * Returns live objects with the extensions where the expected ones have them: in which schema an
 * extension is kept is decided by who installs it, and names its members everywhere else.
 */
export function relocated(
  live: readonly SchemaObject[],
  expected: readonly SchemaObject[],
  extensions: readonly InstalledExtension[],
): readonly SchemaObject[] {
  const places = new Map(
    expected.flatMap(({ kind, name, properties }): [string, string][] =>
      kind === 'extension' ? [[name, String(properties['schema'])]] : [],
    ),
  );
  const moved = extensions.filter(({ name, schema }) => (places.get(name) ?? schema) !== schema);
  if (moved.length === 0) return live;
  const moves = moved.map((extension) => moveOf(extension, places.get(extension.name) ?? ''));
  return live.map((object) => movedObject(object, moves));
}

interface ExtensionMove {
  name: string;
  members: RegExp;
  schema: string;
}

/** A name that needs quotes is printed with them. */
function moveOf({ name, schema, members: own }: InstalledExtension, target: string): ExtensionMove {
  const escape = (text: string) => text.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`);
  const names = own.map(escape).join('|');
  const from = `(?:\\b${escape(schema)}|${escape(quoteIdentifier(schema))})`;
  // An operator is printed as OPERATOR(schema.<>).
  const members = new RegExp(`${from}\\.("?(?:${names})"?(?:(?<=\\w"?)(?!\\w)|(?=\\))))`, 'g');
  return { name, schema: target, members };
}

function movedObject(object: SchemaObject, moves: readonly ExtensionMove[]): SchemaObject {
  const own = moves.find(({ name }) => object.kind === 'extension' && name === object.name);
  if (own) return { ...object, properties: { ...object.properties, schema: own.schema } };
  const move = (text: string) =>
    moves.reduce(
      (all, { members, schema }) => all.replaceAll(members, `${printed(schema)}.$1`),
      text,
    );
  return {
    ...object,
    properties: mapValues(object.properties, (value) => mapTexts(value, move)),
    expressions: mapValues(object.expressions, move),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  return Array.isArray(value) ? value.map((each: unknown) => mapTexts(each, map)) : value;
}

function printed(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}
