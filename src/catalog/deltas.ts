import { keyOfObject, type Identity } from './snapshot.ts';
import type { SchemaObject } from './kinds/kind.ts';

/** One word of one object that a migration changes; the word `''` is the object itself. */
export interface Delta {
  /** Of the object and the word. */
  fact: string;
  object: Identity;
  word: string;
  /** Nothing where the object, or the word of it, is not there. */
  before: string | undefined;
  after: string | undefined;
}

/** A catalog as facts: what is asked of one of them is its value, or nothing. */
export type Facts = (fact: string) => string | undefined;

export function factsOf(objects: readonly SchemaObject[]): Facts {
  const values = new Map<string, string>();
  for (const object of objects)
    for (const [word, value] of wordsOf(object)) values.set(factOf(object, word), value);
  return (fact) => values.get(fact);
}

/** What is otherwise in a later catalog; objects that both have in common are best shared. */
export function deltasBetween(
  before: readonly SchemaObject[],
  after: readonly SchemaObject[],
): Delta[] {
  const kept = new Set(before);
  const appeared = after.filter((object) => !kept.has(object));
  const staying = new Set(after);
  const gone = before.filter((object) => !staying.has(object));
  const old = new Map(gone.map((object) => [keyOfObject(object), object]));
  const young = new Map(appeared.map((object) => [keyOfObject(object), object]));
  const keys = new Set([...old.keys(), ...young.keys()]);
  return [...keys].flatMap((key) => deltasOf(old.get(key), young.get(key)));
}

function deltasOf(old: SchemaObject | undefined, young: SchemaObject | undefined): Delta[] {
  const [before, after] = [wordsOf(old), wordsOf(young)];
  const object = young ?? old;
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

function factOf(object: Identity, word: string): string {
  return `${keyOfObject(object)} ${word}`;
}

function wordsOf(object: SchemaObject | undefined): Map<string, string> {
  if (!object) return new Map();
  const { properties, expressions } = object;
  return new Map([
    ['', 'there'],
    ...Object.entries(properties).map(([word, value]): [string, string] => [
      word,
      JSON.stringify(value),
    ]),
    ...Object.entries(expressions),
  ]);
}
