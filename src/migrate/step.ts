import type { DbopsError } from '../errors.ts';
import type { Activity, LockRetry } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import type { Tracking } from '../formats/format.ts';
import type { Direction, Directives, Migration, Script } from '../migration.ts';

/** One migration in one direction, ready to run. */
export interface Step {
  migration: Migration;
  direction: Direction;
  script: Script;
  directives: Directives;
}

export interface StepResult {
  name: string;
  direction: Direction;
  state: 'done' | 'failed' | 'not-run';
  durationMs: number;
}

/** What the runner needs beside the steps. */
export interface RunSettings {
  session: Session;
  tracking: Tracking;
  /** Milliseconds a statement waits for a table's lock before it lets the application pass. */
  lockTimeout: number;
  /** Milliseconds; 0 is no limit. */
  statementTimeout: number;
  /** Milliseconds to go on trying for locks. */
  patience: number;
  signal: AbortSignal;
  anotherSession: () => Promise<Session>;
  onStart: (step: Step) => void;
  onWait: (step: Step, blockers: Activity[]) => void;
}

/** Every step has a result, also when one failed: what stands and what was not run is never lost. */
export interface RunOutcome {
  results: StepResult[];
  error?: DbopsError;
}

/** The SQL that keeps the tracking table true after the step. */
export function trackingSql(tracking: Tracking, { migration, direction }: Step): string {
  return direction === 'up' ? tracking.record(migration) : tracking.erase(migration);
}

/**
 * Settings of the step's transaction. RESET ALL undoes what an earlier file may have SET;
 * `client_connection_check_interval` lets the server notice within seconds that we were killed,
 * so that the lock of a dead run does not outlive it.
 */
export function localSettings(step: Step, run: RunSettings): string {
  const lockTimeout = step.directives.lockTimeout ?? run.lockTimeout;
  return `RESET ALL; SET LOCAL lock_timeout = ${lockTimeout}; SET LOCAL statement_timeout = ${run.statementTimeout}`;
}

export function retriesOf(step: Step, run: RunSettings): LockRetry {
  const { patience, signal, anotherSession } = run;
  return {
    patience,
    signal,
    observe: anotherSession,
    onWait: (blockers) => run.onWait(step, blockers),
  };
}
