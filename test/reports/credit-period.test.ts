import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creditPeriod, daysBetween } from '../../src/reports/credits/period.ts';

const days = 24 * 60 * 60 * 1_000;

const instant = fc.date({
  min: new Date('1999-12-01T00:00:00Z'),
  max: new Date('2101-01-31T00:00:00Z'),
  noInvalidDate: true,
});
const resetDay = fc.integer({ min: 1, max: 31 });

describe('creditPeriod', () => {
  it.each([
    ['2026-11-20T12:00:00Z', 1, '2026-11-01', '2026-12-01'],
    ['2026-11-20T00:00:00Z', 20, '2026-11-20', '2026-12-20'],
    ['2026-11-19T23:59:59.999Z', 20, '2026-10-20', '2026-11-20'],
    ['2026-02-10T00:00:00Z', 31, '2026-01-31', '2026-02-28'],
    ['2026-02-28T00:00:00Z', 31, '2026-02-28', '2026-03-31'],
    ['2026-04-01T00:00:00Z', 31, '2026-03-31', '2026-04-30'],
    ['2028-02-29T00:00:00Z', 30, '2028-02-29', '2028-03-30'],
    ['2027-02-28T23:00:00Z', 29, '2027-02-28', '2027-03-29'],
    ['2100-02-15T00:00:00Z', 29, '2100-01-29', '2100-02-28'],
    ['2026-12-31T00:00:00Z', 31, '2026-12-31', '2027-01-31'],
    ['2027-01-01T00:00:00Z', 15, '2026-12-15', '2027-01-15'],
  ])('at %s with day %i runs from %s to %s', (asOf, day, from, to) => {
    expect(creditPeriod(new Date(asOf), day)).toEqual({ from: new Date(from), to: new Date(to) });
  });

  it('holds the instant and is 28 to 31 whole days long', () => {
    fc.assert(
      fc.property(instant, resetDay, (asOf, day) => {
        const { from, to } = creditPeriod(asOf, day);
        expect(from <= asOf && asOf < to).toBe(true);
        const length = (to.getTime() - from.getTime()) / days;
        expect([28, 29, 30, 31]).toContain(length);
      }),
    );
  });

  it('resets on the day itself, or on the last of a shorter month', () => {
    fc.assert(
      fc.property(instant, resetDay, (asOf, day) => {
        const { to } = creditPeriod(asOf, day);
        const isLast = new Date(to.getTime() + days).getUTCDate() === 1;
        expect(to.getUTCDate() === day || (isLast && to.getUTCDate() < day)).toBe(true);
      }),
    );
  });

  // Every reset day over eight years, two of them leap years: no gap, no overlap, no drift.
  it('tiles time', () => {
    for (let day = 1; day <= 31; day++) {
      let period = creditPeriod(new Date('2024-01-31T00:00:00Z'), day);
      for (let months = 0; months < 96; months++) {
        const next = creditPeriod(period.to, day);
        expect(next.from).toEqual(period.to);
        expect(creditPeriod(new Date(period.to.getTime() - 1), day)).toEqual(period);
        period = next;
      }
      expect(period).toEqual(creditPeriod(new Date('2032-01-31T00:00:00Z'), day));
    }
  });
});

describe('daysBetween', () => {
  it.each([
    ['2026-11-30T00:00:00Z', '2026-12-01T00:00:00Z', 1],
    ['2026-11-30T00:00:00.001Z', '2026-12-01T00:00:00Z', 0],
    ['2026-11-20T12:00:00Z', '2026-12-01T00:00:00Z', 10],
  ])('counts whole days from %s to %s', (from, to, expected) => {
    expect(daysBetween(new Date(from), new Date(to))).toBe(expected);
  });
});
