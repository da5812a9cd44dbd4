/** Slows a run down while commits of the server take longer than they did before the run. */
export interface Pacer {
  /** Records how long a commit waited, in milliseconds. The first few show an idle server. */
  record(milliseconds: number): void;
  /** Returns how long to pause after this many milliseconds of work, and counts it as paused. */
  rest(milliseconds: number): number;
  /** Returns `slowed down: …` while commits are slow. */
  reason(): string | undefined;
  report(): Pacing;
}

/** What pacing cost, and why. All in milliseconds. */
export interface Pacing {
  paused: number;
  /** A commit before the run. */
  idle: number;
  /** The slowest commit during the run. */
  slowest: number;
}

/** How many commits are measured before the run. */
export const firstCommits = 5;
/** A commit is slow from this multiple of an idle one; an application notices 4. */
const slow = 3;
/** A round trip takes that long on a busy machine, whatever the disk does. */
const leastSlow = 5;
/**
 * The longest pause, as a share of the work. Without a limit, a run beside a slow disk would not end.
 * A run takes 0.6 of the time of a single UPDATE; with it at most 0.75.
 */
const share = 0.2;
/** Most milliseconds that are saved up for a time in which commits are slow. */
const mostSaved = 3_000;

export function createPacer(): Pacer {
  const first: number[] = [];
  let last = 0;
  let slowest = 0;
  let paused = 0;
  let saved = 0;
  const idle = () => first.toSorted((a, b) => a - b)[first.length >> 1] ?? 0;
  const isSlow = () => first.length === firstCommits && last > Math.max(leastSlow, slow * idle());
  return {
    record(milliseconds) {
      if (first.length < firstCommits) {
        first.push(milliseconds);
        return;
      }
      last = milliseconds;
      slowest = Math.max(slowest, milliseconds);
    },
    rest(milliseconds) {
      saved = Math.min(mostSaved, saved + share * milliseconds);
      if (!isSlow()) return 0;
      const pause = Math.min(saved, 2 * milliseconds);
      saved -= pause;
      paused += pause;
      return pause;
    },
    reason: () =>
      isSlow()
        ? `slowed down: a commit takes ${last.toFixed(0)} ms, and took ${idle().toFixed(1)} ms before the run`
        : undefined,
    report: () => ({ paused, idle: idle(), slowest }),
  };
}
