import type { Node } from 'libpg-query';
import type { Migration, SqlScript } from '../migration.ts';
import { clipped } from '../sql/name-length.ts';
import type { NameSpace, Touch, TouchedObject } from '../sql/named-objects.ts';
import { lineOf, parse } from '../sql/statements.ts';
import { touchesOf } from '../sql/touched-objects.ts';
import { sourceOf } from '../text-file.ts';
import { allowCommentsOf, type AllowComment } from './allow-comments.ts';

/** Where a statement of a migration is, or a module as a whole. */
export interface StatementPlace {
  /** The name of the migration. */
  migration: string;
  file: string;
  /** From 1; 1 for a module. */
  line: number;
  endLine: number;
  /** The comments above it and in it, and behind it on its last line. */
  allows: readonly AllowComment[];
  /** Its text, where it may create what only a run shows: DO and SELECT. */
  hidden?: string;
}

/** An object, as the statements of the folder leave it. */
export interface PlacedObject {
  space: NameSpace;
  schema: string;
  parent: string;
  name: string;
  /** Whether a statement names it with its schema. */
  isQualified: boolean;
  /** The statements that created or changed it, in the order of the migrations. */
  places: StatementPlace[];
}

/** What the statements of a folder create and change. */
export interface StatementPlaces {
  /** The objects that the statements leave, under their last names. */
  objects: readonly PlacedObject[];
  /** Statements whose objects only a run shows. */
  hidden: readonly StatementPlace[];
  /** Modules, whose statements only a run shows. */
  modules: readonly StatementPlace[];
}

/** Reads the statements that apply migrations, in their order; a file that cannot be parsed has none. */
export async function placesOf(
  migrations: readonly Migration[],
  searchPath: readonly string[],
): Promise<StatementPlaces> {
  const objects: Objects = new Map();
  const hidden: StatementPlace[] = [];
  const modules: StatementPlace[] = [];
  for (const { name, up, isMissing } of migrations) {
    if (isMissing) continue;
    if (up.kind === 'module') modules.push(moduleOf(name, up.file));
    else hidden.push(...(await readFile(objects, { name, script: up, searchPath })));
  }
  return { objects: [...objects.values()], hidden, modules };
}

function moduleOf(migration: string, file: string): StatementPlace {
  const text = readable(() => sourceOf({ kind: 'module', file })) ?? '';
  return {
    migration,
    file,
    line: 1,
    endLine: 1,
    allows: allowCommentsOf(text, { file, isModule: true }),
  };
}

interface File {
  name: string;
  script: SqlScript;
  searchPath: readonly string[];
}

/** @returns the statements whose objects only a run shows */
async function readFile(
  objects: Objects,
  { name, script, searchPath }: File,
): Promise<StatementPlace[]> {
  const sql = readable(() => script.sql);
  if (sql === undefined) return [];
  const comments = allowCommentsOf(sql, { file: script.file, isModule: false });
  const hidden: StatementPlace[] = [];
  let path = searchPath;
  let before = 0;
  for (const { stmt, text, line, end } of await statementsOf(sql)) {
    const own = comments.filter(({ offset }) => offset >= before && offset < end);
    const place: StatementPlace = {
      migration: name,
      file: script.file,
      line,
      endLine: line + lineOf(text, text.length) - 1,
      allows: own,
    };
    before = end;
    path = pathAfter(stmt, searchPath) ?? path;
    for (const touch of touchesOf(stmt)) apply(objects, touch, { place, path });
    if ('DoStmt' in stmt || 'SelectStmt' in stmt) hidden.push({ ...place, hidden: text });
  }
  return hidden;
}

interface ReadStatement {
  stmt: Node;
  text: string;
  /** From 1. */
  line: number;
  /** Where the next statement starts, at most the end of the line on which this one ends; in UTF-16 units. */
  end: number;
}

async function statementsOf(sql: string): Promise<ReadStatement[]> {
  const bytes = Buffer.from(sql);
  const found: (ReadStatement & { start: number })[] = [];
  const last = { at: 0, offset: 0, line: 1 };
  for (const { stmt, stmt_location: at = 0, stmt_len: length } of await parsed(sql)) {
    const between = bytes.subarray(last.at, at).toString();
    const start = last.offset + between.length;
    const line = last.line + lineOf(between, between.length) - 1;
    Object.assign(last, { at, offset: start, line });
    const text = bytes
      .subarray(at, length ? at + length : undefined)
      .toString()
      .trimEnd();
    const lineEnd = sql.indexOf('\n', start + text.length);
    const before = found.at(-1);
    if (before) before.end = Math.min(before.end, start);
    if (stmt) found.push({ stmt, text, line, start, end: lineEnd < 0 ? sql.length : lineEnd });
  }
  return found;
}

/** Returns nothing for SQL that the grammar rejects: the check of the folder reports it. */
async function parsed(sql: string) {
  try {
    return await parse(sql);
  } catch {
    return [];
  }
}

/** A refused file throws when its SQL is read; the folder reports it. */
function readable(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Returns the search_path that a statement sets; `preset` where it resets it. */
function pathAfter(stmt: Node, preset: readonly string[]): readonly string[] | undefined {
  if (!('VariableSetStmt' in stmt) || stmt.VariableSetStmt.name !== 'search_path') return undefined;
  const { kind, args = [] } = stmt.VariableSetStmt;
  if (kind !== 'VAR_SET_VALUE') return preset;
  return args.flatMap((node) => ('A_Const' in node && node.A_Const.sval?.sval) || []);
}

interface Context {
  place: StatementPlace;
  path: readonly string[];
}

type Objects = Map<string, PlacedObject>;

type ObjectKey = Pick<PlacedObject, 'space' | 'schema' | 'parent' | 'name'>;

function keyOf({ space, schema, parent, name }: ObjectKey): string {
  return JSON.stringify([space, schema, parent, name]);
}

function apply(objects: Objects, touch: Touch, { place, path }: Context): void {
  const found = findNamed(objects, touch.object, path);
  if (touch.does === 'change') {
    if (found) found.places.push(place);
    else {
      const created = newObject(touch.object, path, place);
      objects.set(keyOf(created), created);
    }
    return;
  }
  if (!found) return;
  if (touch.does === 'rename') {
    rename(objects, found, touch.to);
    found.places.push(place);
  } else remove(objects, found);
}

const withoutUser = (path: readonly string[]) => path.filter((schema) => schema !== '$user');

function findNamed(
  objects: Objects,
  { space, schema, parent, name }: TouchedObject,
  path: readonly string[],
): PlacedObject | undefined {
  const schemas = schema === undefined ? withoutUser(path) : [clipped(schema)];
  const rest = { space, parent: clipped(parent), name: clipped(name) };
  for (const each of schemas) {
    const found = objects.get(keyOf({ ...rest, schema: each }));
    if (found) return found;
  }
  return undefined;
}

function newObject(
  { space, schema, parent, name }: TouchedObject,
  path: readonly string[],
  place: StatementPlace,
): PlacedObject {
  return {
    space,
    schema: clipped(schema ?? withoutUser(path)[0] ?? 'public'),
    parent: clipped(parent),
    name: clipped(name),
    isQualified: schema !== undefined,
    places: [place],
  };
}

function isPartOf(part: PlacedObject, { space, schema, name }: PlacedObject): boolean {
  return (
    (space === 'relation' || space === 'type') && part.parent === name && part.schema === schema
  );
}

function remove(objects: Objects, gone: PlacedObject): void {
  for (const [key, each] of objects)
    if (
      each === gone ||
      isPartOf(each, gone) ||
      (gone.space === 'schema' && each.schema === gone.name)
    )
      objects.delete(key);
}

function rename(
  objects: Objects,
  object: PlacedObject,
  { schema, name }: { schema?: string; name?: string },
): void {
  const { name: former } = object;
  const all = [...objects];
  const parts = all.filter(([, each]) => isPartOf(each, object));
  const inside = all.filter(([, each]) => object.space === 'schema' && each.schema === former);
  for (const [, each] of inside) each.schema = clipped(name ?? former);
  for (const [, part] of parts) {
    part.schema = schema ?? part.schema;
    part.parent = clipped(name ?? part.parent);
  }
  const own = all.filter(([, each]) => each === object);
  object.schema = schema ?? object.schema;
  object.name = clipped(name ?? object.name);
  const moved = [...inside, ...parts, ...own];
  for (const [key] of moved) objects.delete(key);
  for (const [, each] of moved) objects.set(keyOf(each), each);
}
