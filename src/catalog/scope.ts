import { isIgnored, schemaOf, type Scope } from './ignored.ts';
import { relocated, type InstalledExtension } from './relocation.ts';
import { keyOfObject } from './snapshot.ts';
import type { SchemaObject } from './kinds/kind.ts';

/** Objects of a database that its migrations did not create. */
export interface Surroundings {
  /** Tables of the migration tool, as `schema.table`. */
  toolTables: readonly string[];
  /** Tables of the database that look like tracking tables of other folders, as `schema.table`. */
  otherTables: readonly string[];
  /** Schemas of the platform. */
  platformSchemas: readonly string[];
  /** Extensions of the database. */
  extensions: readonly InstalledExtension[];
  /** What the configuration leaves out. */
  scope: Scope;
  /** Keys of the objects of a new database. */
  given: ReadonlySet<string>;
}

/** Returns the objects of a shadow that the migrations create. */
export function expectedOf(
  objects: readonly SchemaObject[],
  surroundings: Surroundings,
): SchemaObject[] {
  return objects.filter(
    (object) =>
      !surroundings.given.has(keyOfObject(object)) &&
      !isTools(object, surroundings.toolTables) &&
      !isIgnored(object, surroundings.scope),
  );
}

/**
 * Returns the objects of the live database to compare with those, with extensions in the expected
 * schemas. In schemas of the platform, these are only objects that the migrations create: the others
 * change with the platform. So are tracking tables of other folders, and where the configuration
 * names the application's schemas, objects outside schemas.
 */
export function comparableOf(
  objects: readonly SchemaObject[],
  expected: readonly SchemaObject[],
  surroundings: Surroundings,
): SchemaObject[] {
  const platform = new Set(surroundings.platformSchemas);
  const made = new Set(expected.map(keyOfObject));
  const isOthers = (object: SchemaObject) =>
    platform.has(schemaOf(object)) ||
    isTools(object, surroundings.otherTables) ||
    (surroundings.scope.schemas !== undefined && schemaOf(object) === '');
  const own = expectedOf(objects, surroundings).filter(
    (object) => made.has(keyOfObject(object)) || !isOthers(object),
  );
  return [...relocated(own, expected, surroundings.extensions)];
}

/** Returns whether a database has no objects of an application. */
export function isEmpty(objects: readonly SchemaObject[], surroundings: Surroundings): boolean {
  return comparableOf(objects, [], surroundings).every(
    ({ kind, name }) =>
      kind === 'extension' ||
      kind.startsWith('publication') ||
      (kind === 'schema' && name === 'public'),
  );
}

/** In a tool's schema, only the schema and the tool's tables: other objects may belong to the application. */
function isTools(object: SchemaObject, toolTables: readonly string[]): boolean {
  const { kind, schema, parent, name } = object;
  return kind === 'schema' || kind === 'schema grants'
    ? name !== 'public' && toolTables.some((table) => table.startsWith(`${name}.`))
    : toolTables.includes(`${schema}.${parent || name}`);
}
