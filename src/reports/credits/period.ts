import type { Period } from '../period.ts';

const day = 24 * 60 * 60 * 1_000;

/**
 * Returns the credit period that contains `asOf`: from one reset to the next, at midnight UTC.
 *
 * Each reset is computed from `resetDay` and clamped to the last day of the month. Adding a month to
 * the previous reset would stay on the 28th after February.
 *
 * @param resetDay day of the month, 1–31
 */
export function creditPeriod(asOf: Date, resetDay: number): Period {
  const year = asOf.getUTCFullYear();
  const month = asOf.getUTCMonth();
  const reset = resetIn(year, month, resetDay);
  return asOf >= reset
    ? { from: reset, to: resetIn(year, month + 1, resetDay) }
    : { from: resetIn(year, month - 1, resetDay), to: reset };
}

/** Date.UTC carries months outside 0–11 over into the year. */
function resetIn(year: number, month: number, resetDay: number): Date {
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return new Date(Date.UTC(year, month, Math.min(resetDay, lastDay)));
}

/** Returns the whole days from one instant to a later one. */
export function daysBetween(from: Date, to: Date): number {
  return Math.floor((to.getTime() - from.getTime()) / day);
}
