import type { Pair } from './expected.ts';
import { keyOf, keyOfTable, type ExpectedFact, type Fact } from './fact.ts';

export type Delta =
  | { change: 'missing'; expected: ExpectedFact }
  | { change: 'different'; expected: ExpectedFact; live: Fact }
  | { change: 'extra'; live: Fact };

/**
 * What the live database lacks, has otherwise, or has too much. Of a table that is missing or
 * extra as a whole, constraints and indexes are not listed.
 *
 * @param sameMeaning asked once, and only where texts differ in both spellings
 */
export async function diff(
  expected: readonly ExpectedFact[],
  live: readonly Fact[],
  sameMeaning: (pairs: readonly Pair[]) => Promise<boolean[]>,
): Promise<Delta[]> {
  const liveByKey = new Map(live.map((fact) => [keyOf(fact), fact]));
  const missing = expected.filter((fact) => !liveByKey.has(keyOf(fact)));
  const expectedKeys = new Set(expected.map(keyOf));
  const extra = live.filter((fact) => !expectedKeys.has(keyOf(fact)));
  const tables = [...missing, ...extra].filter(({ kind }) => kind === 'table');
  const absent = new Set(tables.map(keyOf));
  const standsAlone = (fact: Fact) => fact.kind === 'table' || !absent.has(keyOfTable(fact));
  return [
    ...missing.filter(standsAlone).map((fact): Delta => ({ change: 'missing', expected: fact })),
    ...(await differences(expected, liveByKey, sameMeaning)),
    ...extra.filter(standsAlone).map((fact): Delta => ({ change: 'extra', live: fact })),
  ];
}

async function differences(
  expected: readonly ExpectedFact[],
  liveByKey: ReadonlyMap<string, Fact>,
  sameMeaning: (pairs: readonly Pair[]) => Promise<boolean[]>,
): Promise<Delta[]> {
  const pairs = expected.flatMap((fact): Pair[] => {
    const live = liveByKey.get(keyOf(fact));
    return live && !isSpelledAs(fact, live) ? [{ expected: fact, live }] : [];
  });
  const same = pairs.length > 0 ? await sameMeaning(pairs) : [];
  return pairs.filter((_, at) => !same[at]).map((pair) => ({ change: 'different', ...pair }));
}

function isSpelledAs({ definition, restored }: ExpectedFact, live: Fact): boolean {
  return live.definition === definition || live.definition === restored;
}
