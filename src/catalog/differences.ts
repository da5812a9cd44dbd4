import type { Session } from '../db/session.ts';
import { matches, type Scope } from './ignored.ts';
import { keyOfObject, objectName } from './snapshot.ts';
import { grantKinds, kinds } from './kinds/index.ts';
import type { SchemaObject } from './kinds/kind.ts';
import { isSameBody, sameButForSyntax } from '../sql/same-statements.ts';
import { canonicalSpellings, type ObjectSpelling } from './canonical-expressions.ts';

/** A property or expression that differs. */
export interface Detail {
  /** The name of the property or expression. */
  word: string;
  expected: unknown;
  live: unknown;
}

export type Difference =
  | { change: 'missing'; object: SchemaObject }
  | { change: 'extra'; object: SchemaObject }
  | { change: 'different'; object: SchemaObject; details: Detail[] };

/** The expected object and the live one with the same key. */
export interface Pair {
  expected: SchemaObject;
  live: SchemaObject;
}

/** Two texts of one expression, which may mean the same. */
export interface SpellingDoubt extends Detail {
  pair: Pair;
  expected: string;
  live: string;
}

/** Returns for each pair of texts whether both mean the same. */
export type Judge = (doubts: readonly SpellingDoubt[]) => Promise<boolean[]>;

/** Returns the key of a difference in reports and in patterns: `extra-table:public.users`. */
export function keyOfDifference({ change, object }: Pick<Difference, 'change' | 'object'>): string {
  return `${change}-${object.kind.replaceAll(' ', '-')}:${objectName(object)}`;
}

/** Returns whether the configuration excludes a difference by its key. */
export function isDifferenceIgnored(
  difference: Pick<Difference, 'change' | 'object'>,
  { ignore }: Scope,
): boolean {
  return ignore.some((pattern) => matches(pattern, keyOfDifference(difference)));
}

/** Compares texts as a shadow deparses them. @param shadow in a scratch transaction, with the expected objects */
export function judgeIn(shadow: Session): Judge {
  return async (doubts) => {
    const spelled = await canonicalSpellings(shadow, doubts.flatMap(bothSpellings));
    const same = doubts.map(async (_, at) => {
      const [expected, live] = [spelled[2 * at], spelled[2 * at + 1]];
      if (expected === undefined || live === undefined) return false;
      return expected === live || sameButForSyntax(expected, live);
    });
    return Promise.all(same);
  };
}

/**
 * Returns the differences between two complete snapshots. The parts of a missing or extra table or
 * schema are omitted.
 *
 * @param judge called at most once, and only where texts differ
 * @param all includes extensions and publications that operators create
 */
export async function differencesOf(
  expected: readonly SchemaObject[],
  live: readonly SchemaObject[],
  judge: Judge,
  { all = false } = {},
): Promise<Difference[]> {
  const liveByKey = new Map(live.map((object) => [keyOfObject(object), object]));
  const expectedKeys = new Set(expected.map(keyOfObject));
  const missing = expected.filter((object) => !liveByKey.has(keyOfObject(object)));
  const extra = live.filter(
    (object) =>
      !expectedKeys.has(keyOfObject(object)) && (all || !isOperators(object, expectedKeys)),
  );
  const pairs = expected.flatMap((object): Pair[] => {
    const found = liveByKey.get(keyOfObject(object));
    return found ? [{ expected: object, live: found }] : [];
  });
  return [
    ...withoutParts(missing).map((object): Difference => ({ change: 'missing', object })),
    ...withoutOwnIndexes(await differentOf(pairs, judge)),
    ...withoutParts(extra).map((object): Difference => ({ change: 'extra', object })),
  ].toSorted(inOrder);
}

/** Returns whether an extra object is an extension or publication, which operators create. */
function isOperators({ kind, name }: SchemaObject, expected: ReadonlySet<string>): boolean {
  if (kind === 'extension' || kind === 'publication') return true;
  const publication = { kind: 'publication', schema: '', parent: '', name };
  return kind === 'publication table' && !expected.has(keyOfObject(publication));
}

async function differentOf(pairs: readonly Pair[], judge: Judge): Promise<Difference[]> {
  const doubts = pairs.flatMap(doubtsOf);
  const same = doubts.length > 0 ? await judge(doubts) : [];
  const details = new Map(pairs.map((pair) => [pair, differingProperties(pair)]));
  for (const [at, { pair, ...detail }] of doubts.entries())
    if (!same[at]) details.get(pair)?.push(detail);
  return [...details]
    .filter(([, differing]) => differing.length > 0)
    .map(([{ expected }, differing]) => ({
      change: 'different',
      object: expected,
      details: differing.toSorted((a, b) => (a.word < b.word ? -1 : 1)),
    }));
}

/** Omits indexes of changed constraints: recreating the constraint recreates its index. */
function withoutOwnIndexes(differences: readonly Difference[]): Difference[] {
  const constraints = differences.filter(
    (difference) =>
      difference.change === 'different' &&
      difference.object.kind === 'constraint' &&
      difference.details.some(({ word }) => word === 'definition' || word === 'operators'),
  );
  const owners = new Set(constraints.map(({ object }) => objectName(object)));
  return differences.filter(
    ({ object }) => object.kind !== 'index' || !owners.has(objectName(object)),
  );
}

function differingProperties({ expected, live }: Pair): Detail[] {
  const missing = ({ word }: Detail) => !(word in expected.expressions && word in live.expressions);
  return [
    ...detailsOf(expected.properties, live.properties).filter(
      (detail) => !isLayoutOfBody(detail, live),
    ),
    ...detailsOf(expected.expressions, live.expressions).filter(missing),
  ];
}

/** The white space of a function's body has no meaning, and differs between editors. */
function isLayoutOfBody(
  { word, expected, live }: Detail,
  { kind, properties }: SchemaObject,
): boolean {
  if (kind !== 'function' || word !== 'source') return false;
  if (typeof expected !== 'string' || typeof live !== 'string') return false;
  return isSameBody(expected, live, String(properties['language']));
}

function detailsOf<T>(expected: Readonly<Record<string, T>>, live: Readonly<Record<string, T>>) {
  const words = new Set([...Object.keys(expected), ...Object.keys(live)]);
  return [...words]
    .map((word) => ({ word, expected: expected[word], live: live[word] }))
    .filter((detail) => JSON.stringify(detail.expected) !== JSON.stringify(detail.live));
}

function doubtsOf(pair: Pair): SpellingDoubt[] {
  return Object.entries(pair.expected.expressions).flatMap(([word, expected]) => {
    const live = pair.live.expressions[word];
    return live === undefined || live === expected ? [] : [{ pair, word, expected, live }];
  });
}

function bothSpellings({ pair, word, expected, live }: SpellingDoubt): ObjectSpelling[] {
  return [
    { object: pair.expected, word, text: expected },
    { object: pair.live, word, text: live },
  ];
}

const wholes = new Set([
  'schema',
  'table',
  'foreign table',
  'view',
  'sequence',
  'type',
  'domain',
  'function',
  'aggregate',
]);

/** Omits parts of objects that are in the list, and the indexes of constraints. */
export function withoutParts(objects: readonly SchemaObject[]): SchemaObject[] {
  const absent = new Set(objects.filter(({ kind }) => wholes.has(kind)).map(pathOf));
  const constraints = new Set(
    objects.filter(({ kind }) => kind === 'constraint').map((object) => objectName(object)),
  );
  return objects.filter((object) => {
    const { kind, schema, parent, name } = object;
    if (kind === 'schema grants' && absent.has(JSON.stringify([name]))) return false;
    if (kind === 'grants' && absent.has(pathOf(object))) return false;
    if (schema && absent.has(JSON.stringify([schema]))) return false;
    if (parent && absent.has(JSON.stringify([schema, parent]))) return false;
    return kind !== 'index' || !constraints.has(objectName(object));
  });
}

function pathOf({ schema, name }: SchemaObject): string {
  return JSON.stringify(schema ? [schema, name] : [name]);
}

const rank = new Map([...kinds, ...grantKinds].map(({ name }, at) => [name, at]));

function inOrder(a: Difference, b: Difference): number {
  const rankOf = ({ object }: Difference) => rank.get(object.kind) ?? rank.size;
  return rankOf(a) - rankOf(b) || (objectName(a.object) < objectName(b.object) ? -1 : 1);
}
