import { keyOf, type ExpectedFact, type Fact } from './fact.ts';

export type Delta =
  | { change: 'missing'; expected: ExpectedFact }
  | { change: 'different'; expected: ExpectedFact; live: Fact }
  | { change: 'extra'; live: Fact };

/**
 * What the live database lacks, has too much, or has otherwise.
 *
 * @param sameMeaning asked only where the texts differ in both spellings
 */
export async function diff(
  expected: readonly ExpectedFact[],
  live: readonly Fact[],
  sameMeaning: (expected: ExpectedFact, live: Fact) => Promise<boolean>,
): Promise<Delta[]> {
  const liveByKey = new Map(live.map((fact) => [keyOf(fact), fact]));
  const deltas: Delta[] = [];
  for (const fact of expected) {
    const found = liveByKey.get(keyOf(fact));
    liveByKey.delete(keyOf(fact));
    if (!found) deltas.push({ change: 'missing', expected: fact });
    else if (!isSpelledAs(fact, found) && !(await sameMeaning(fact, found)))
      deltas.push({ change: 'different', expected: fact, live: found });
  }
  return [...deltas, ...liveByKey.values().map((fact): Delta => ({ change: 'extra', live: fact }))];
}

function isSpelledAs({ definition, restored }: ExpectedFact, live: Fact): boolean {
  return live.definition === definition || live.definition === restored;
}
