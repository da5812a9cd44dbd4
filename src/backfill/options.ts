import type { Session } from '../db/session.ts';
import type { Limits } from './server-load.ts';

/** How a backfill is run. */
export interface BackfillOptions {
  /** What becomes of rows without an answer; `set` gives them a value. */
  orphans: { policy: 'fail' | 'skip' } | { policy: 'set'; value: string };
  /** Rows that have another value than their source says get that one. */
  fixMismatched: boolean;
  /** Rows that the application writes meanwhile are filled by a trigger. */
  trigger: boolean;
  /** Takes the triggers away when all is done. */
  removeTrigger: boolean;
  /** Begins anew where an earlier run was cut off. */
  restart: boolean;
  workers: number;
  /** Milliseconds that no batch should exceed. */
  batchTime: number;
  /** Rows that may fail before the run gives up. */
  maxFailures: number;
  limits: Limits;
  /** Rows a second; absent: as many as go. */
  maxRate?: number;
  /** Milliseconds to wait for another run, and for locks of tables. */
  patience: number;
  /** Milliseconds that a statement waits for a table's lock before it lets the application pass. */
  lockTimeout: number;
  signal: AbortSignal;
  anotherSession: () => Promise<Session>;
  onProgress: (line: string) => void;
  /** Of what is done, and why it is done so. */
  onNote: (line: string) => void;
}

export const defaults = {
  orphans: { policy: 'fail' },
  fixMismatched: false,
  trigger: true,
  removeTrigger: false,
  restart: false,
  workers: 1,
  batchTime: 250,
  maxFailures: 100,
  limits: { maxLag: 10_000, maxWalRate: 128 * 1_048_576 },
  patience: 10_000,
  lockTimeout: 2_000,
} as const satisfies Partial<BackfillOptions>;
