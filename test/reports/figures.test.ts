import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percent } from '../../src/output/number.ts';
import { monthAround, parseMonth } from '../../src/reports/period.ts';
import { stateOf } from '../../src/reference/reports/usage-lines.ts';

describe('percent', () => {
  it.each([
    [500n, 2_000n, '25.0'],
    [1n, 3n, '33.3'],
    [2n, 3n, '66.7'],
    [1n, 2_000n, '0.1'],
    [5n, 4n, '125.0'],
    [9_007_199_254_740_993n, 9_007_199_254_740_993n, '100.0'],
    [0n, 0n, null],
  ])('of %s in %s is %s', (part, whole, expected) => {
    expect(percent(part, whole)).toBe(expected);
  });
});

describe('stateOf', () => {
  it.each([
    [0n, null, 'no-limit-row'],
    [9n, -1n, 'unlimited'],
    [0n, 0n, 'ok'],
    [1n, 0n, 'over'],
    [79n, 100n, 'ok'],
    [80n, 100n, 'warn'],
    [100n, 100n, 'warn'],
    [101n, 100n, 'over'],
    [7_205_759_403_792_794n, 9_007_199_254_740_993n, 'ok'],
    [7_205_759_403_792_795n, 9_007_199_254_740_993n, 'warn'],
  ] as const)('of %s under %s is %s', (used, limit, expected) => {
    expect(stateOf(used, limit)).toBe(expected);
  });
});

describe('a month', () => {
  it('is half-open and ends where the next begins', () => {
    const [november, december] = [parseMonth('2026-11'), parseMonth('2026-12')];
    expect(november).toEqual({ from: new Date('2026-11-01'), to: new Date('2026-12-01') });
    expect(december).toEqual({ from: new Date('2026-12-01'), to: new Date('2027-01-01') });
  });

  it.each(['2026-13', '2026-00', '2026-1', '26-11', '2026-11-01', 'november', '', '0001-01'])(
    'is not %j',
    (text) => expect(parseMonth(text)).toBeUndefined(),
  );

  it('holds the instant around which it lies', () => {
    const instant = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31') });
    fc.assert(
      fc.property(
        instant.filter((date) => !Number.isNaN(date.getTime())),
        (date) => {
          const { from, to } = monthAround(date);
          expect(from <= date && date < to).toBe(true);
          expect(parseMonth(date.toISOString().slice(0, 7))).toEqual({ from, to });
        },
      ),
    );
  });
});
