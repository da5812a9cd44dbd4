/** A stretch of time, half-open. */
export interface Span {
  from: Date;
  to: Date;
}

/** What the dates of a fixture are relative to: months of UTC around the clock's now. */
export interface Months {
  previous: Span;
  current: Span;
  /** The part of the current month that lies behind us, in whole hours. */
  elapsed: Span;
}

const hour = 3_600_000;

/** The months around an instant. */
export function monthsAround(now: Date): Months {
  const first = (offset: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1));
  return {
    previous: { from: first(-1), to: first(0) },
    current: { from: first(0), to: first(1) },
    elapsed: elapsedSince(first(0), now),
  };
}

/** Whole hours, so that two runs with `--reset` agree; in the first one every instant counts. */
function elapsedSince(from: Date, now: Date): Span {
  const hourBegan = new Date(Math.floor(now.getTime() / hour) * hour);
  return { from, to: hourBegan > from ? hourBegan : now };
}

/** The instant at a fraction of the span: 0 is its beginning. */
export function at({ from, to }: Span, fraction: number): Date {
  return new Date(from.getTime() + Math.floor((to.getTime() - from.getTime()) * fraction));
}

/** `count` instants, evenly over the span and all inside it. */
export function spread(span: Span, count: number): Date[] {
  return Array.from({ length: count }, (_, index) => at(span, (index + 0.5) / count));
}
