import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatchSizer } from '../../src/backfill/batch-size.ts';
import { dealOut, divide, strategyOf } from '../../src/backfill/strategy.ts';

const heap = { isHeap: true, name: 'public.t' };
const subject = { key: [{ name: 'id', type: 'integer', equals: '=', exceeds: '>' }], label: 't' };

describe('the scan of a table', () => {
  it('uses stripes, or reports why it cannot', () => {
    expect(strategyOf(subject, heap)).toMatchObject({ name: 'striped ctid windows' });
    expect(strategyOf(subject, heap, 'pid 7')).toMatchObject({
      name: 'plain ctid windows',
      because: expect.stringContaining('pid 7'),
    });
    expect(strategyOf(subject, { ...heap, isHeap: false })).toMatchObject({ name: 'key ranges' });
    expect(strategyOf({ ...subject, key: [] }, { ...heap, isHeap: false })).toBeUndefined();
  });

  it('puts every row of a window in one stripe, and spreads each page over them', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.integer({ min: 1, max: 90 }), (pages, perPage) => {
        const ids = Array.from({ length: pages }, (_, page) =>
          Array.from({ length: perPage }, (__, row) => `(${page},${row + 1})`),
        ).flat();
        const stripes = dealOut(ids, pages);
        expect(stripes.flat().toSorted()).toEqual(ids.toSorted());
        for (const stripe of stripes) {
          const ofPage = Map.groupBy(stripe, (id) => id.split(',')[0]);
          const most = Math.ceil(perPage / Math.max(1, stripes.length)) + 1;
          for (const rows of ofPage.values()) expect(rows.length).toBeLessThanOrEqual(most);
        }
        // What the last one leaves dead is lost.
        if (perPage >= 12 && pages >= 8)
          expect(stripes.at(-1)?.length).toBeLessThan(Math.ceil((stripes[0]?.length ?? 0) / 2));
      }),
      { numRuns: 30 },
    );
  });

  it('divides a table among workers without a gap or an overlap', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 9 }), (pages, workers) => {
        const ranges = divide([{ oid: 1, filenode: 1, pages, isHeap: true, target: 0 }], workers);
        expect(ranges.length).toBeLessThanOrEqual(workers);
        let end = 0;
        for (const range of ranges) {
          expect(range.first).toBe(end);
          end = range.end;
        }
        expect(end).toBe(pages);
      }),
    );
  });
});

describe('the size of a batch', () => {
  it('converges to half of the target time', () => {
    fc.assert(
      fc.property(fc.float({ min: Math.fround(0.005), max: 2, noNaN: true }), (perRow) => {
        const pace = createBatchSizer(250);
        for (let batch = 0; batch < 60; batch++) pace.took(pace.size(), pace.size() * perRow);
        const fitting = Math.min(50_000, Math.max(50, 125 / perRow));
        expect(pace.size()).toBeGreaterThan(fitting * 0.8);
        expect(pace.size()).toBeLessThan(fitting * 1.2 + 1);
      }),
    );
  });

  it('halves immediately after a batch that timed out', () => {
    const pace = createBatchSizer(250);
    for (let batch = 0; batch < 20; batch++) pace.took(pace.size(), pace.size() * 0.01);
    const before = pace.size();
    pace.halve(before);
    expect(pace.size()).toBe(Math.floor(before / 2));
  });
});
