import { describe, expect, it } from 'vitest';
import { estimateStatement } from '../../src/plan/estimate.ts';
import type { LiveFacts, TableSizes } from '../../src/plan/live-facts.ts';
import type { ObservedRelation, StatementObservation } from '../../src/plan/observation.ts';
import { observationOf } from './observation-of.ts';

const megabyte = 2 ** 20;

function table(name: string, rows: number, more: Partial<TableSizes> = {}): TableSizes {
  const heapBytes = rows * 125;
  return {
    schema: 'public',
    name,
    kind: 'table',
    rows,
    heapBytes,
    toastBytes: 0,
    indexes: [],
    ...more,
  };
}

const facts: LiveFacts = {
  serverVersion: '18.4',
  scanMsPerMb: 0.4,
  applied: [],
  tables: [
    table('purchases', 2_000_000, {
      indexes: [
        { name: 'purchases_pkey', bytes: 43 * megabyte, isValid: true },
        { name: 'notes', bytes: 182 * megabyte, isValid: true },
      ],
    }),
    table('customers', 100_000),
    table('settings', 200, { indexes: [{ name: 'settings_pkey', bytes: 16_384, isValid: true }] }),
    table('visits', 4_000_000, { kind: 'partitioned table' }),
    table('visits_1', 1_000_000, { partitionOf: { schema: 'public', name: 'visits' } }),
    table('visits_2', 3_000_000, { partitionOf: { schema: 'public', name: 'visits' } }),
  ],
};

const relation = (name: string): ObservedRelation => ({ schema: 'public', name, kind: 'table' });
const purchases = relation('purchases');

function estimate(more: Partial<StatementObservation>, of: LiveFacts = facts) {
  const band = estimateStatement(observationOf(more), of);
  if (!band) throw new Error('the size of a table is not known');
  return band;
}

const scan = (name: string, reason: 'check' | 'foreign key' | 'write' | 'query' = 'check') => ({
  scans: [{ relation: relation(name), reason }],
});

describe('the estimate of a statement', () => {
  it('is 0 for what only changes the catalog', () => {
    expect(estimate({ locks: [{ relation: purchases, mode: 'ACCESS EXCLUSIVE' }] })).toEqual({
      low: 0,
      likely: 0,
      high: 0,
    });
  });

  it.each([
    ['a scan', scan('settings')],
    ['a rewrite', { rewrites: [relation('settings')] }],
    ['an index', { builds: [{ index: 'i', relation: relation('settings') }] }],
  ])('is less than 5 ms for %s of a table of 200 rows', (_, work) => {
    expect(estimate(work).high).toBeLessThan(5);
  });

  it('is a band around the likely duration', () => {
    const { low, likely, high } = estimate(scan('purchases'));
    expect(likely).toBeGreaterThan(100);
    expect([low, high]).toEqual([likely * 0.5, likely * 3]);
  });

  it('follows the speed of the server, and is wider where that is not known', () => {
    const slow = estimate(scan('purchases'), { ...facts, scanMsPerMb: 1.6 });
    expect(slow.likely).toBeCloseTo(4 * estimate(scan('purchases')).likely);
    const { scanMsPerMb: _, ...unknown } = facts;
    const band = estimate(scan('purchases'), unknown);
    expect(band.high / band.low).toBeGreaterThan(slow.high / slow.low);
  });

  it('is unknown where the size of a table is not known', () => {
    expect(estimateStatement(observationOf(scan('elsewhere')), facts)).toBeUndefined();
  });

  it('is 0 for work on a table that the statement or an earlier migration creates', () => {
    const fresh = relation('fresh');
    const work = scan('fresh');
    expect(estimate({ ...work, created: [fresh] }).likely).toBe(0);
    const isNew = ({ name }: ObservedRelation) => name === 'fresh';
    expect(estimateStatement(observationOf(work), facts, { isNew })?.likely).toBe(0);
  });

  it('contains both tables of a foreign key', () => {
    const [one, both] = [
      estimate(scan('purchases', 'foreign key')),
      estimate({
        scans: [purchases, relation('customers')].map((each) => ({
          relation: each,
          reason: 'foreign key',
        })),
      }),
    ];
    expect(both.likely).toBeGreaterThan(one.likely);
  });

  it('contains every index of a rewritten table once', () => {
    const rewritten = estimate({ rewrites: [purchases] });
    const bare = facts.tables.map((each) => ({ ...each, indexes: [] }));
    const heap = estimate({ rewrites: [purchases] }, { ...facts, tables: bare });
    expect(rewritten.likely).toBeGreaterThan(2 * heap.likely);
    const builds = [
      { index: 'purchases_pkey', relation: purchases },
      { index: 'notes', relation: purchases },
    ];
    expect(estimate({ rewrites: [purchases], builds, ...scan('purchases') })).toEqual(rewritten);
  });

  it('is wider for an index that does not exist, because its key may be text', () => {
    const [fresh, rebuilt] = ['new', 'notes'].map((index) =>
      estimate({ builds: [{ index, relation: purchases }] }),
    );
    if (!fresh || !rebuilt) throw new Error('no estimates');
    expect(rebuilt.high / rebuilt.low).toBeCloseTo(6);
    expect(fresh.high / fresh.low).toBeGreaterThan(10);
  });

  it('counts each partition once, also beside its partitioned table', () => {
    const parts = ['visits_1', 'visits_2'].map((name) => estimate(scan(name)).likely);
    const whole = parts.reduce((sum, part) => sum + part, 0);
    expect(estimate(scan('visits')).likely).toBeCloseTo(whole);
    const all = ['visits', 'visits_1', 'visits_2'].flatMap((name) => scan(name).scans);
    expect(estimate({ scans: all }).likely).toBeCloseTo(whole);
  });

  it('takes the rows of the table for an UPDATE, those of the source for INSERT with a query, few otherwise', () => {
    const update = estimate({ writes: [purchases], ...scan('purchases', 'write') });
    expect(update.likely).toBeGreaterThan(5_000);
    expect(update.low).toBeLessThan(update.likely / 10);
    const copy = estimate({ writes: [purchases], ...scan('customers', 'query') });
    expect(copy.likely).toBeLessThan(update.likely / 10);
    expect(copy.likely).toBeGreaterThan(100);
    expect(estimate({ writes: [purchases] }).likely).toBe(0);
  });
});
