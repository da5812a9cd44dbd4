/** Half-open: `from` is in it, `to` is not. */
export type Period = { from: Date; to: Date };

/** The first instant of a UTC month; `month` counts from 0 and may lie outside 0–11. */
function startOfMonth(year: number, month: number): Date {
  return new Date(Date.UTC(year, month, 1));
}

/** The UTC calendar month that holds the instant. */
export function monthAround(instant: Date): Period {
  return monthOf(instant.getUTCFullYear(), instant.getUTCMonth());
}

/** The UTC calendar month `YYYY-MM`; `undefined` for what is none. */
export function parseMonth(text: string): Period | undefined {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  // The years before 100 are no months of a SaaS, and Date.UTC reads them as 19xx.
  return match && text >= '0100' ? monthOf(Number(match[1]), Number(match[2]) - 1) : undefined;
}

function monthOf(year: number, month: number): Period {
  return { from: startOfMonth(year, month), to: startOfMonth(year, month + 1) };
}

/** `2026-11-01 to 2026-12-01 (UTC, end excluded)`. */
export function describePeriod({ from, to }: Period): string {
  return `${dayOf(from)} to ${dayOf(to)} (UTC, end excluded)`;
}

/** `YYYY-MM-DD` in UTC. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}
