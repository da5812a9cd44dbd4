import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../db/session.ts';
import { formatDuration } from '../output/duration.ts';
import { formatCount, formatCountOf } from '../output/number.ts';
import { createPacer, firstCommits, type Pacer, type Pacing } from './pacing.ts';
import {
  measureCommit,
  readQuick,
  readSlow,
  type LoadLimits,
  type QuickLoad,
  type SlowLoad,
} from './server-load.ts';

/** Pauses or slows a run down while the database is under load. */
export interface Throttle {
  /** Waits until the next batch may start. */
  pass(batch: { rows: number; milliseconds: number }): Promise<void>;
  /** Returns why the run waits or slows down. */
  reason(): string | undefined;
  /** Returns what was last seen to hold back the xmin horizon. */
  pinnedBy(): string | undefined;
  /** Returns whether batches block other sessions. */
  isBlockingOthers(): boolean;
  /** Returns what pacing by the latency of commits cost so far. */
  pacing(): Pacing;
  stop(): Promise<void>;
}

export interface ThrottleInput {
  name: string;
  /** The session that reads the load; one that also runs batches is used between them only. */
  observer: Session;
  isShared: boolean;
  /** The server processes of the workers. */
  pids: readonly number[];
  relations: readonly number[];
  limits: LoadLimits;
  /** Rows per second; absent: no limit. */
  maxRate?: number;
  signal: AbortSignal;
  /** Called while it waits. */
  onWait: () => void;
}

const every = { commit: 100, quick: 250, slow: 2_000 };

/** Creates a throttle. @throws what the first read of the load throws */
export async function createThrottle(input: ThrottleInput): Promise<Throttle> {
  const { isShared, signal, maxRate, onWait } = input;
  const pacer = createPacer();
  const view = createView(input, pacer);
  await view.look();
  const stopped = new AbortController();
  // Beside an embedded run no application can commit.
  if (!isShared)
    for (let at = 0; at < firstCommits; at++) await recordCommit(pacer, input.observer);
  const watching = isShared ? Promise.resolve() : watch(view, pacer, input, stopped.signal);
  /** Time before which the rate allows no further batch. */
  let notBefore = 0;
  return {
    async pass({ rows, milliseconds }) {
      if (maxRate !== undefined) {
        notBefore = Math.max(notBefore, Date.now() - milliseconds) + (1_000 * rows) / maxRate;
        await pause(notBefore - Date.now(), signal);
      }
      if (isShared) await view.look();
      if (view.slows()) await pause(Math.min(2_000, 2 * milliseconds), signal);
      else await pause(pacer.rest(milliseconds), signal);
      while (view.stops() && !signal.aborted) {
        onWait();
        await pause(every.quick, signal);
        if (isShared) await view.look();
      }
    },
    reason: () => view.stops() ?? view.slows() ?? pacer.reason(),
    pacing: () => pacer.report(),
    pinnedBy: () => view.pinnedBy(),
    isBlockingOthers: () => view.isBlockingOthers(),
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 1) await sleep(milliseconds, undefined, { signal }).catch(() => {});
}

async function watch(
  view: View,
  pacer: Pacer,
  { observer }: ThrottleInput,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // A lost observer does not stop the run; the workers report a lost server.
    await view.look().catch(() => {});
    await recordCommit(pacer, observer).catch(() => {});
    await pause(every.commit, signal);
  }
}

/** Measures one commit. */
async function recordCommit(pacer: Pacer, observer: Session): Promise<void> {
  const milliseconds = await measureCommit(observer);
  if (milliseconds !== undefined) pacer.record(milliseconds);
}

type View = ReturnType<typeof createView>;

/** The load of the server as it was last read. */
function createView({ name, observer, pids, relations, limits }: ThrottleInput, pacer: Pacer) {
  let quick: QuickLoad | undefined;
  let slow: SlowLoad | undefined;
  let walRate = 0;
  const lastLook = { quick: 0, slow: 0 };
  const stops = (): string | undefined => {
    if (quick?.isPaused)
      return `paused by ${quick.pausedBy}; resume: dbops backfill resume ${name}`;
    if (slow?.pauseWhen) return 'paused: the condition of --pause-when is true';
    if (slow && slow.lag > limits.maxLag)
      return `paused: a replica lags ${formatDuration(slow.lag)} behind`;
    return undefined;
  };
  const slows = (): string | undefined => {
    if (quick && quick.waiters > 0)
      return `slowed down: ${formatCountOf(quick.waiters, 'session is', 'sessions are')} waiting for its locks`;
    if (walRate > limits.maxWalRate)
      return `slowed down: the server writes ${formatCount(walRate / 1_048_576)} MB of WAL per second`;
    if (slow?.autovacuum) return `slowed down: autovacuum is running on ${slow.autovacuum}`;
    return undefined;
  };
  const record = async () => {
    await observer.query(
      `UPDATE dbops.backfills SET active_ms = active_ms + least(5000, 1000 * extract(epoch FROM clock_timestamp() - heartbeat_at)),
              heartbeat_at = clock_timestamp(), waits_for = $2 WHERE name = $1`,
      [name, stops() ?? slows() ?? pacer.reason() ?? null],
    );
  };
  return {
    stops,
    slows,
    isBlockingOthers: () => (quick?.waiters ?? 0) > 0,
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
      await record();
    },
  };
}
