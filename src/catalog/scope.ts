import { keyOfObject } from './snapshot.ts';
import type { SchemaObject } from './kinds/kind.ts';

/** What is in a database and no work of its migrations. */
export interface Surroundings {
  /** Of the migration tool, with their schemas. */
  toolTables: readonly string[];
  /** Of the platform that it runs on. */
  platformSchemas: readonly string[];
  /** Keys of what a new database has before its first migration. */
  given: ReadonlySet<string>;
}

/** What the migrations make, of the catalog of a shadow. */
export function expectedOf(
  objects: readonly SchemaObject[],
  surroundings: Surroundings,
): SchemaObject[] {
  return objects.filter(
    (object) => !surroundings.given.has(keyOfObject(object)) && !isTools(object, surroundings),
  );
}

/**
 * What stands beside it in the live database. Of a platform's schemas, only what the migrations
 * make there: what else is in them changes with the platform.
 */
export function comparableOf(
  objects: readonly SchemaObject[],
  expected: readonly SchemaObject[],
  surroundings: Surroundings,
): SchemaObject[] {
  const platform = new Set(surroundings.platformSchemas);
  const made = new Set(expected.map(keyOfObject));
  return expectedOf(objects, surroundings).filter(
    (object) => !platform.has(schemaOf(object)) || made.has(keyOfObject(object)),
  );
}

/** Whether nothing of an application is there. */
export function isEmpty(objects: readonly SchemaObject[], surroundings: Surroundings): boolean {
  return comparableOf(objects, [], surroundings).every(
    ({ kind, name }) =>
      kind === 'extension' ||
      kind.startsWith('publication') ||
      (kind === 'schema' && name === 'public'),
  );
}

/** Of a tool's schema only its tables and the schema itself: the rest may be the application's. */
function isTools(object: SchemaObject, { toolTables }: Surroundings): boolean {
  const { kind, schema, parent, name } = object;
  return kind === 'schema' || kind === 'schema grants'
    ? name !== 'public' && toolTables.some((table) => table.startsWith(`${name}.`))
    : toolTables.includes(`${schema}.${parent || name}`);
}

function schemaOf({ kind, schema, name }: SchemaObject): string {
  return kind === 'schema' || kind === 'schema grants' ? name : schema;
}
