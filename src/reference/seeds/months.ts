/** A half-open period of time. */
export interface Span {
  from: Date;
  to: Date;
}

/** The UTC months that the dates of a fixture are relative to. */
export interface Months {
  previous: Span;
  current: Span;
  /** The past part of the current month, in whole hours. */
  elapsed: Span;
}

const hour = 3_600_000;

/** Returns the months around an instant. */
export function monthsAround(now: Date): Months {
  const first = (offset: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1));
  return {
    previous: { from: first(-1), to: first(0) },
    current: { from: first(0), to: first(1) },
    elapsed: elapsedSince(first(0), now),
  };
}

/** Whole hours, so that two runs with `--reset` agree. In the first hour of a month it ends now. */
function elapsedSince(from: Date, now: Date): Span {
  const startOfHour = new Date(Math.floor(now.getTime() / hour) * hour);
  return { from, to: startOfHour > from ? startOfHour : now };
}

/** Returns the instant at a fraction of the span; 0 is its start. */
export function at({ from, to }: Span, fraction: number): Date {
  return new Date(from.getTime() + Math.floor((to.getTime() - from.getTime()) * fraction));
}

/** Returns `count` instants spread evenly inside the span. */
export function spread(span: Span, count: number): Date[] {
  return Array.from({ length: count }, (_, index) => at(span, (index + 0.5) / count));
}
