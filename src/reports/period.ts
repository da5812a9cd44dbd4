/** A half-open period: `from` belongs to it, `to` does not. */
export type Period = { from: Date; to: Date };

/** Returns the first instant of a UTC month. `month` counts from 0 and may lie outside 0–11. */
function startOfMonth(year: number, month: number): Date {
  return new Date(Date.UTC(year, month, 1));
}

/** Returns the UTC calendar month that contains the instant. */
export function monthAround(instant: Date): Period {
  return monthOf(instant.getUTCFullYear(), instant.getUTCMonth());
}

/** Parses the UTC calendar month `YYYY-MM`; `undefined` for any other text. */
export function parseMonth(text: string): Period | undefined {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  // Date.UTC reads years below 100 as 19xx.
  return match && text >= '0100' ? monthOf(Number(match[1]), Number(match[2]) - 1) : undefined;
}

function monthOf(year: number, month: number): Period {
  return { from: startOfMonth(year, month), to: startOfMonth(year, month + 1) };
}

/** Returns `2026-11-01 to 2026-12-01 (UTC, end excluded)`. */
export function describePeriod({ from, to }: Period): string {
  return `${dayOf(from)} to ${dayOf(to)} (UTC, end excluded)`;
}

/** Returns `YYYY-MM-DD` in UTC. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}
