import type { DbopsError } from '../errors.ts';
import type { Backend } from '../db/backend.ts';
import type { Activity, LockRetry } from '../db/lock.ts';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { resetSettings, toOwnPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { Folder, TrackingRow } from '../formats/format.ts';
import type { Direction, Directives, Migration, Script } from '../migration.ts';
import type { Guard } from '../rescue/guard.ts';
import type { AfterLoss } from './runner/after-loss.ts';

/** One migration in one direction, ready to run. */
export interface Step {
  migration: Migration;
  direction: Direction;
  script: Script;
  directives: Directives;
  /** Keeps what the script destroys; absent where it destroys nothing. */
  guard?: Guard;
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
  folder: Folder;
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
  /** Of what is done beyond what was asked, such as dropping an invalid index. */
  onNote: (step: Step, note: string) => void;
  /** The server is away, and is waited for. */
  onAway: () => void;
  /** The backfill that fills a column, for the advice of a failure. */
  backfillOf?: (table: string, column: string) => string | undefined;
  /** A pooler is in between: nothing of the session holds from one transaction to the next. */
  isPooled: boolean;
}

/** A run that has begun. */
export interface Run extends RunSettings {
  /** Whether the server's platform has `client_connection_check_interval`. */
  noticesLoss: boolean;
  /** What the tracking rows of this run share. */
  prepared: TrackingRow;
  /** The server process that runs the steps. */
  worker: Backend;
  /** That of the folder's tool; absent: the role's. */
  searchPath?: string | undefined;
  afterLoss: AfterLoss;
}

/** Every step has a result, also when one failed: what stands and what was not run is never lost. */
export interface RunOutcome {
  results: StepResult[];
  error?: DbopsError;
}

/** The SQL that keeps the tracking table true after the step, wherever the step has left the path. */
export function trackingSql(
  { folder, prepared, session }: Run,
  { migration, direction }: Step,
): string {
  const { tracking } = folder;
  const sql = direction === 'up' ? tracking.record(migration, prepared) : tracking.erase(migration);
  return `${toOwnPath(session)}; ${sql}`;
}

/** We are ourselves again, whichever role a file has taken; RESET ALL leaves the role as it is. */
export const resetRole = 'RESET SESSION AUTHORIZATION; RESET ROLE';

/** The session as it was before the file changed it. */
export function toThePlain({ session }: Pick<Run, 'session'>): string {
  return `${resetRole}; ${resetSettings(session)}`;
}

/** The session as the role has it: names mean what they mean to it. */
export const toTheRole = `${resetRole}; RESET ALL`;

/** One message of several statements, each of which may end in a comment. */
export function scriptOf(...statements: string[]): string {
  return statements.join('\n; ');
}

/**
 * SQL that begins the transaction of a step.
 *
 * @param durable whether its commit waits for the disk. One that does not wait can be lost in a
 *   server crash, but only together with its tracking row, and the next durable one flushes it.
 */
export function beginOf(step: Step, run: Run, durable: boolean): string[] {
  const commit = durable ? [] : ['SET LOCAL synchronous_commit = off'];
  return ['BEGIN', ...limitsOf(step, run, 'LOCAL'), ...commit];
}

/** SQL that gives the names in a step the meaning that they have to its tool, or else to the role. */
export function userPathOf({ searchPath }: Pick<Run, 'searchPath'>, scope: 'LOCAL' | 'SESSION') {
  const path = searchPath === undefined ? 'DEFAULT' : quoteIdentifier(searchPath);
  return `SET ${scope} search_path TO ${path}`;
}

/** SQL of the settings and limits of what follows, for a transaction (`LOCAL`) or until it is reset. */
export function limitsOf(step: Step, run: Run, scope: 'LOCAL' | 'SESSION'): string[] {
  return [
    `SET ${scope} lock_timeout = ${lockTimeoutOf(step, run)}`,
    `SET ${scope} statement_timeout = ${run.statementTimeout}`,
    ...(run.noticesLoss ? [`SET ${scope} ${noticeLoss}`] : []),
    ...('application' in run.worker
      ? [`SET ${scope} application_name = ${quoteLiteral(run.worker.application)}`]
      : []),
  ];
}

/** Milliseconds. 0 would be no limit at all: one attempt waits as long as there is patience. */
export function lockTimeoutOf({ directives }: Step, { lockTimeout, patience }: Run): number {
  return Math.max(1, Math.min((directives.lockTimeout ?? lockTimeout) || patience, patience));
}

/** Lets the server notice within a second that we were killed: our lock must not outlive us. */
export const noticeLoss = 'client_connection_check_interval = 1000';

export function retriesOf(step: Step, run: Run): LockRetry {
  const { patience, signal, anotherSession, worker } = run;
  return {
    worker,
    patience,
    signal,
    observe: anotherSession,
    onWait: (blockers) => run.onWait(step, blockers),
  };
}
