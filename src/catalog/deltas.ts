import { keyOfObject, type ObjectIdentity } from './snapshot.ts';
import type { SchemaObject } from './kinds/kind.ts';

/** A property of an object that differs between two catalogs; the word `''` is the object itself. */
export interface Delta {
  /** The key of the object and the word. */
  fact: string;
  object: ObjectIdentity;
  word: string;
  /** Undefined where the object or the property does not exist. */
  before: string | undefined;
  after: string | undefined;
}

/** Returns the value of a fact in a catalog; undefined when it does not exist. */
export type CatalogFacts = (fact: string) => string | undefined;

/** Indexes the properties of all objects. */
export function factsOf(objects: readonly SchemaObject[]): CatalogFacts {
  const values = new Map<string, string>();
  for (const object of objects)
    for (const [word, value] of wordsOf(object)) values.set(factOf(object, word), value);
  return (fact) => values.get(fact);
}

/** Returns the facts that changed between two catalogs. Objects shared by reference are skipped. */
export function deltasBetween(
  before: readonly SchemaObject[],
  after: readonly SchemaObject[],
): Delta[] {
  const unchanged = new Set(before);
  const appeared = after.filter((object) => !unchanged.has(object));
  const remaining = new Set(after);
  const gone = before.filter((object) => !remaining.has(object));
  const removed = new Map(gone.map((object) => [keyOfObject(object), object]));
  const added = new Map(appeared.map((object) => [keyOfObject(object), object]));
  const keys = new Set([...removed.keys(), ...added.keys()]);
  return [...keys].flatMap((key) => deltasOf(removed.get(key), added.get(key)));
}

function deltasOf(removed: SchemaObject | undefined, added: SchemaObject | undefined): Delta[] {
  const [before, after] = [wordsOf(removed), wordsOf(added)];
  const object = added ?? removed;
  if (!object) return [];
  const { kind, schema, parent, name } = object;
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((word) => before.get(word) !== after.get(word))
    .map((word) => ({
      fact: factOf(object, word),
      object: { kind, schema, parent, name },
      word,
      before: before.get(word),
      after: after.get(word),
    }));
}

/** Returns the fact that an object exists. */
export function existenceOf(object: ObjectIdentity): string {
  return factOf(object, '');
}

function factOf(object: ObjectIdentity, word: string): string {
  return `${keyOfObject(object)} ${word}`;
}

function wordsOf(object: SchemaObject | undefined): Map<string, string> {
  if (!object) return new Map();
  const { properties, expressions } = object;
  return new Map([
    ['', 'there'],
    ...Object.entries(properties).map(([word, value]): [string, string] => [
      word,
      withLineFeeds(value),
    ]),
    ...Object.entries(expressions),
  ]);
}

/** As JSON. A file that git checks out with other line endings creates the same function. */
function withLineFeeds(value: unknown): string {
  return JSON.stringify(value).replaceAll(String.raw`\r\n`, String.raw`\n`);
}
