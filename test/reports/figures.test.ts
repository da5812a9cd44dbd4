import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percent } from '../../src/output/number.ts';
import { monthAround, parseMonth } from '../../src/reports/period.ts';
import {
  decimalPercent,
  decimalValue,
  formatDecimal,
  parseDecimal,
} from '../../src/reports/decimal.ts';
import { stateOf } from '../../src/reports/usage/lines.ts';

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

function decimal(text: string) {
  const parsed = parseDecimal(text);
  if (!parsed) throw new Error(`${text} is not a decimal`);
  return parsed;
}

describe('a decimal', () => {
  it.each([
    ['12', 12n],
    ['12.50', '12.5'],
    ['-0.500', '-0.5'],
    ['10.000', 10n],
    ['1e+20', 100_000_000_000_000_000_000n],
    ['2.5e-3', '0.0025'],
    ['9223372036854775808000000000001', 9_223_372_036_854_775_808_000_000_000_001n],
  ])('%s has the value %s', (text, expected) => {
    expect(decimalValue(decimal(text))).toBe(expected);
  });

  it.each(['', 'NaN', 'Infinity', '-', '1.', 'ten', '1e99999'])('is not %j', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });

  it.each([
    ['1.5', '3', '50.0'],
    ['0.0005', '1', '0.1'],
    ['-1', '4', '-25.0'],
    ['-0.0001', '4', '0.0'],
    ['1', '0', null],
    ['1', '-5', null],
    ['9223372036854775808', '9223372036854775808', '100.0'],
  ])('of %s in %s is %s percent', (part, whole, expected) => {
    expect(decimalPercent(decimal(part), decimal(whole))).toBe(expected);
  });

  it('is shown with thousands separators', () => {
    expect(formatDecimal('-1234567.25')).toBe('-1,234,567.25');
  });
});

describe('stateOf', () => {
  it.each([
    ['0', undefined, 'no-limit-row'],
    ['9', 'unlimited', 'unlimited'],
    ['0', '0', 'ok'],
    ['1', '0', 'over'],
    ['79', '100', 'ok'],
    ['80', '100', 'warn'],
    ['100', '100', 'warn'],
    ['100.0000000001', '100', 'over'],
    ['0.79999999999999999999', '1', 'ok'],
    ['7205759403792794', '9007199254740993', 'ok'],
    ['7205759403792795', '9007199254740993', 'warn'],
    ['9223372036854775809', '9223372036854775808', 'over'],
  ])('of %s under %s is %s', (used, limit, expected) => {
    const parsed = limit === undefined || limit === 'unlimited' ? limit : decimal(limit);
    expect(stateOf(decimal(used), parsed, decimal('0.8'))).toBe(expected);
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
