import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../db/session.ts';
import { formatDuration } from '../output/duration.ts';
import { readQuick, readSlow, type LoadLimits, type Quick, type Slow } from './server-load.ts';

/** Keeps a run from hurting the database that it works on. */
export interface Throttle {
  /** Waits until the next batch may begin. */
  pass(batch: { rows: number; milliseconds: number }): Promise<void>;
  /** Why it waits or goes slowly, for people. */
  reason(): string | undefined;
  /** Who pins the xmin horizon, as far as was seen. */
  pinnedBy(): string | undefined;
  /** Batches block others: they should be smaller. */
  isInTheWay(): boolean;
  stop(): Promise<void>;
}

export interface ThrottleInput {
  name: string;
  /** Looks at the server; where that is the session which works, it is used between batches only. */
  observer: Session;
  isShared: boolean;
  /** Those of the sessions that work. */
  pids: readonly number[];
  relations: readonly number[];
  limits: LoadLimits;
  /** Rows a second; absent: as many as go. */
  maxRate?: number;
  signal: AbortSignal;
  /** Called while it waits. */
  onWait: () => void;
}

const every = { quick: 250, slow: 2_000 };

/** @throws what the first look at the server throws */
export async function createThrottle(input: ThrottleInput): Promise<Throttle> {
  const { isShared, signal, maxRate, onWait } = input;
  const view = createView(input);
  await view.look();
  const stopped = new AbortController();
  const watching = isShared ? Promise.resolve() : watch(view, stopped.signal);
  /** Milliseconds of the clock before which the rate forbids the next batch. */
  let notBefore = 0;
  return {
    async pass({ rows, milliseconds }) {
      if (maxRate !== undefined) {
        notBefore = Math.max(notBefore, Date.now() - milliseconds) + (1_000 * rows) / maxRate;
        await pause(notBefore - Date.now(), signal);
      }
      if (isShared) await view.look();
      if (view.slows()) await pause(Math.min(2_000, 2 * milliseconds), signal);
      while (view.stops() && !signal.aborted) {
        onWait();
        await pause(every.quick, signal);
        if (isShared) await view.look();
      }
    },
    reason: () => view.stops() ?? view.slows(),
    pinnedBy: () => view.pinnedBy(),
    isInTheWay: () => view.isInTheWay(),
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 1) await sleep(milliseconds, undefined, { signal }).catch(() => {});
}

async function watch(view: View, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // An observer that is lost holds nothing up; the sessions that work tell of a lost server.
    await view.look().catch(() => {});
    await pause(every.quick, signal);
  }
}

type View = ReturnType<typeof createView>;

/** The last that was seen of the server. */
function createView({ name, observer, pids, relations, limits }: ThrottleInput) {
  let quick: Quick | undefined;
  let slow: Slow | undefined;
  let walRate = 0;
  const lastLook = { quick: 0, slow: 0 };
  const stops = (): string | undefined => {
    if (quick?.isPaused)
      return `paused by ${quick.pausedBy}; go on with: dbops backfill resume ${name}`;
    if (slow?.pauseWhen) return 'paused: the condition of --pause-when holds';
    if (slow && slow.lag > limits.maxLag)
      return `paused: a replica is ${formatDuration(slow.lag)} behind`;
    return undefined;
  };
  const slows = (): string | undefined => {
    if (quick && quick.waiters > 0) return `slower: ${quick.waiters} sessions wait for its locks`;
    if (walRate > limits.maxWalRate)
      return `slower: the server writes ${Math.round(walRate / 1_048_576)} MB of WAL a second`;
    if (slow?.autovacuum) return `slower: autovacuum is at ${slow.autovacuum}`;
    return undefined;
  };
  const tell = async () => {
    await observer.query(
      `UPDATE dbops.backfills SET active_ms = active_ms + least(5000, 1000 * extract(epoch FROM clock_timestamp() - heartbeat_at)),
              heartbeat_at = clock_timestamp(), waits_for = $2 WHERE name = $1`,
      [name, stops() ?? slows() ?? null],
    );
  };
  return {
    stops,
    slows,
    isInTheWay: () => (quick?.waiters ?? 0) > 0,
    pinnedBy: () => slow?.pinnedBy ?? undefined,
    async look() {
      const now = Date.now();
      if (now - lastLook.quick < every.quick / 2) return;
      const before = quick;
      quick = await readQuick(observer, name, pids);
      if (before && quick)
        walRate = 0.7 * walRate + (0.3 * 1_000 * (quick.wal - before.wal)) / (now - lastLook.quick);
      lastLook.quick = now;
      if (now - lastLook.slow < every.slow) return;
      lastLook.slow = now;
      slow = await readSlow(observer, relations, pids, limits);
      await tell();
    },
  };
}
