import * as z from 'zod';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { LoadLimits } from './server-load.ts';

/** How a backfill runs. */
export interface BackfillOptions {
  /** How rows without a value are treated; `set` gives them one. */
  orphans: { policy: 'fail' | 'skip' } | { policy: 'set'; value: string };
  /** Also update rows whose value differs from that of their source. */
  fixMismatched: boolean;
  /** Create a trigger that fills rows which the application writes in the meantime. */
  trigger: boolean;
  /** Drop the trigger at the end. */
  removeTrigger: boolean;
  /** Discard an interrupted run and start over. */
  restart: boolean;
  workers: number;
  /** Milliseconds that no batch should exceed. */
  batchTime: number;
  /** Failed rows after which the run stops. */
  maxFailures: number;
  limits: LoadLimits;
  /** Rows per second; absent: no limit. */
  maxRate?: number;
  /** Milliseconds to wait for another run and for table locks. */
  patience: number;
  /** Milliseconds that a statement waits for a table lock before it backs off. */
  lockTimeout: number;
  signal: AbortSignal;
  anotherSession: () => Promise<Session>;
  onProgress: (line: string) => void;
  /** Called with decisions and their reasons. */
  onNote: (line: string) => void;
  /** Reports a line that only `--verbose` shows. */
  onDetail: (line: string) => void;
}

const defaults = {
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

/** Returns the default options of a run, with the settings and the output of a command. */
export function optionsOf(context: Context): BackfillOptions {
  const { signal, progress, settings } = context;
  return {
    ...defaults,
    signal,
    lockTimeout: settings.lockTimeout,
    anotherSession: () => context.anotherSession(),
    onProgress: (line) => progress.update(line),
    onNote: (line) => context.note(line),
    onDetail: (line) => {
      if (context.flags.verbose) context.note(line);
    },
  };
}

/** Parses `fail`, `skip` or `set=VALUE`. */
export const orphans = z.string().transform((word, context): BackfillOptions['orphans'] => {
  if (word === 'fail' || word === 'skip') return { policy: word };
  if (word.startsWith('set=')) return { policy: 'set', value: word.slice('set='.length) };
  context.addIssue({ code: 'custom', message: 'expected fail, skip or set=VALUE' });
  return z.NEVER;
});

const units = { '': 1, kb: 1_024, mb: 1_048_576, gb: 1_073_741_824 } as const;

/** Parses a size such as `64MB` as bytes. */
export const size = z.string().transform((word, context) => {
  const [, digits, unit = ''] = /^(\d+)\s*([kmg]b)?$/i.exec(word) ?? [];
  const factor = units[unit.toLowerCase() as keyof typeof units];
  if (digits !== undefined) return Number(digits) * factor;
  context.addIssue({ code: 'custom', message: 'expected a size such as 64MB' });
  return z.NEVER;
});
