import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks } from '../../src/checks/index.ts';
import type { Finding } from '../../src/report.ts';
import { openBench, type Bench } from '../catalog/bench.ts';
import { reference } from '../catalog/trial.ts';
import { targets } from '../db/targets.ts';

const examples = checks.flatMap(({ name, examples: own }) =>
  own.map((example) => ({ check: name, ...example })),
);

describe.each(targets)('the checks on $name', (target) => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await openBench(target, reference);
  });

  afterAll(() => bench.close());

  it('find nothing in what the migrations make', async () => {
    expect(await bench.findings()).toEqual([]);
  });

  it.each(examples)('$check finds a $finding, and no more when it is mended', async (example) => {
    await bench.run(example.breaks);
    const found = await bench.findings();
    expect(found.map(({ code }) => code)).toContain(example.finding);
    expect(found).toEqual(found.map((each) => complete(each, bench.applied)));
    expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
    await bench.run(example.mends);
    expect(await bench.findings()).toEqual([]);
  });

  it.each(examples)('$check heals a $finding with the SQL of its help', async (example) => {
    await bench.run(example.breaks);
    const finding = (await bench.findings()).find(({ code }) => code === example.finding);
    const sql = sqlOf(finding?.help ?? '');
    expect(sql !== undefined).toBe(!withoutSql.has(example.finding));
    await bench.run(sql ?? example.mends);
    expect(await bench.findings()).toEqual([]);
  });
});

/** What a person has to decide, or another command does. */
const withoutSql = new Set([
  'extra-constraint',
  'extra-index',
  'extra-table',
  'missing-table',
  'plan-features',
  'users-columns',
]);

function sqlOf(help: string): string | undefined {
  return /: ((?:ALTER|BEGIN|CREATE|DROP|REINDEX|SELECT)\b.*;)$/s.exec(help)?.[1];
}

/** A finding as the contract wants it: an object by name, and its migration unless it is extra. */
function complete(found: Finding, applied: ReadonlySet<string>): unknown {
  const made = !found.code.startsWith('extra-') && checkOf(found)?.group !== 'health';
  return {
    ...found,
    message: expect.stringMatching(/\S/),
    help: expect.stringMatching(/\S/),
    where: {
      object: expect.stringContaining('public.'),
      ...(made && { migration: expect.toSatisfy((name: string) => applied.has(name)) }),
    },
  };
}

function checkOf({ code }: Finding) {
  return checks.find(({ name }) => name === code);
}
