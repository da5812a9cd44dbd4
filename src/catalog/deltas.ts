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

type Word = [word: string, value: string];

function wordsOf(object: SchemaObject | undefined): Map<string, string> {
  if (!object) return new Map();
  const { kind, properties, expressions } = object;
  return new Map([
    ['', 'there'],
    ...Object.entries(properties).flatMap(([word, value]) =>
      Array.isArray(value) ? wordsOfList(kind, word, value) : ofWhole(word, value),
    ),
    ...Object.entries(expressions),
  ]);
}

const ofWhole = (word: string, value: unknown): Word[] => [[word, withLineFeeds(value)]];

/**
 * Returns a word for each element of a list that several statements can fill. As one word, a list that the first
 * of two statements has changed would have a value from no migration at all.
 */
function wordsOfList(kind: string, word: string, list: readonly unknown[]): Word[] {
  if (kind === 'publication') return list.map((each) => [`${word} ${each}`, 'there']);
  if (kind !== 'type') return ofWhole(word, list);
  // ALTER TYPE ADD VALUE puts a label anywhere; the order of all is that each follows its predecessor.
  return list.map((each, at) => [
    `${word} ${each}`,
    `after ${JSON.stringify(list[at - 1] ?? null)}`,
  ]);
}

/** As JSON. A file that git checks out with other line endings creates the same function. */
function withLineFeeds(value: unknown): string {
  return JSON.stringify(value).replaceAll(String.raw`\r\n`, String.raw`\n`);
}
