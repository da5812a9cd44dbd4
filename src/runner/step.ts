import type { DbopsError } from '../errors.ts';
import type { Backend } from '../db/backend.ts';
import type { Activity, LockRetry } from '../db/lock.ts';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { resetSettings, toOwnPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { Folder, TrackingRow } from '../formats/format.ts';
import type { Direction, Directives, Migration, Script } from '../migration.ts';

/** Saves the rows that a script destroys, around the script. */
export interface RowGuard {
  /**
   * Runs the script inside the transaction of the step.
   *
   * @param script may be called twice; the first call is then rolled back to a savepoint
   * @param toPath SQL that sets the search_path of the script; absent: that of the role
   */
  around(session: Session, script: () => Promise<void>, toPath?: string): Promise<void>;
  /**
   * Runs in a transaction of its own before a script that runs outside a transaction.
   *
   * @returns whether it has copied rows
   */
  before(session: Session, toPath?: string): Promise<boolean>;
  /** Runs in a transaction of its own after a script that ran outside a transaction. */
  after(session: Session): Promise<void>;
}

/** One migration in one direction, ready to run. */
export interface Step {
  migration: Migration;
  direction: Direction;
  script: Script;
  directives: Directives;
  /** Whether the script was generated, so that no file holds it. */
  isGenerated?: boolean;
  /** Absent where the script destroys no rows. */
  guard?: RowGuard;
}

export interface StepResult {
  name: string;
  direction: Direction;
  state: 'done' | 'failed' | 'not-run';
  durationMs: number;
}

/** Settings of a run beside its steps. */
export interface RunSettings {
  session: Session;
  folder: Folder;
  /**
   * Milliseconds that a statement waits for a table lock before it is retried, so that queries can
   * proceed.
   */
  lockTimeout: number;
  /** Milliseconds; 0 is no limit. */
  statementTimeout: number;
  /** Milliseconds after which waiting for locks ends. */
  patience: number;
  signal: AbortSignal;
  anotherSession: () => Promise<Session>;
  onStart: (step: Step) => void;
  onDone?: (result: StepResult) => void;
  onWait: (step: Step, blockers: Activity[]) => void;
  /** Called for work beyond the request, such as dropping an invalid index. */
  onNote: (step: Step, note: string) => void;
  /** Called while the server is down and dbops waits for it. */
  onAway: () => void;
  /** Returns the backfill that fills a column, for the hint of a failure. */
  backfillOf?: () => Promise<(table: string, column: string) => string | undefined>;
  /** A pooler is in between: session settings are lost between transactions. */
  isPooled: boolean;
}

/**
 * Queries a server after its connection was lost, once it accepts connections again.
 *
 * @throws the error of the last attempt
 */
export type AfterLoss = <T>(ask: (session: Session) => Promise<T>) => Promise<T>;

/** A run in progress. */
export interface Run extends RunSettings {
  /** Whether the server's platform has `client_connection_check_interval`. */
  noticesLoss: boolean;
  /** Values that all tracking rows of the run share. */
  prepared: TrackingRow;
  /** The server process that runs the steps. */
  worker: Backend;
  /** The search_path of the folder's tool; absent: that of the role. */
  searchPath?: string | undefined;
  afterLoss: AfterLoss;
}

/** The results of a run. Every step has one, also after a failure. */
export interface RunOutcome {
  results: StepResult[];
  error?: DbopsError;
}

/** The scope of a setting: the transaction, or the session until it is reset. */
type SettingScope = 'local' | 'session';

/** A step of a run in progress, with the SQL and the limits that its execution needs. */
export interface RunningStep extends Step {
  run: Run;
  /** Records the migration in the tracking table (`up`) or erases its row (`down`). */
  rowSql: string;
  /** The same after the search_path of dbops, because the migration may have changed it. */
  trackingSql: string;
  /** Timeouts and other settings of the server. */
  limits: Record<SettingScope, readonly string[]>;
  /** Sets the search_path of the folder's tool, or else of the role. */
  userPath: Record<SettingScope, string>;
  /** Milliseconds that one attempt waits for a lock on a table. */
  lockTimeout: number;
  retry: LockRetry;
}

/** Builds what the execution of a step needs, once. */
export function startStep(step: Step, run: Run): RunningStep {
  const lockTimeout = lockTimeoutOf(step, run);
  const rowSql = rowSqlOf(step, run);
  const limits = (scope: string) =>
    limitsOf(run, lockTimeout).map((each) => `SET ${scope} ${each}`);
  const path = run.searchPath === undefined ? 'DEFAULT' : quoteIdentifier(run.searchPath);
  return {
    ...step,
    run,
    rowSql,
    trackingSql: `${toOwnPath(run.session)}; ${rowSql}`,
    limits: { local: limits('LOCAL'), session: limits('SESSION') },
    userPath: {
      local: `SET LOCAL search_path TO ${path}`,
      session: `SET SESSION search_path TO ${path}`,
    },
    lockTimeout,
    retry: {
      worker: run.worker,
      patience: run.patience,
      signal: run.signal,
      observe: run.anotherSession,
      onWait: (blockers) => run.onWait(step, blockers),
    },
  };
}

function rowSqlOf({ migration, direction }: Step, { folder, prepared }: Run): string {
  const { tracking } = folder;
  return direction === 'up' ? tracking.record(migration, prepared) : tracking.erase(migration);
}

/**
 * Returns milliseconds. 0 would mean no limit, so one attempt then waits as long as the run may.
 */
function lockTimeoutOf({ directives }: Step, { lockTimeout, patience }: Run): number {
  return Math.max(1, Math.min((directives.lockTimeout ?? lockTimeout) || patience, patience));
}

function limitsOf(run: Run, lockTimeout: number): string[] {
  const { statementTimeout, noticesLoss, worker } = run;
  return [
    `lock_timeout = ${lockTimeout}`,
    `statement_timeout = ${statementTimeout}`,
    ...(noticesLoss ? [noticeLoss] : []),
    ...('application' in worker ? [`application_name = ${quoteLiteral(worker.application)}`] : []),
  ];
}

/** Lets the server notice within a second that dbops was killed, so that it releases our lock. */
export const noticeLoss = 'client_connection_check_interval = 1000';

/**
 * Returns the statements that begin the transaction of a step.
 *
 * @param durable whether its commit waits for the disk. A commit that does not wait can be lost in a
 *   server crash, but only together with its tracking row; the next durable one flushes it.
 */
export function beginOf({ limits }: RunningStep, durable: boolean): string[] {
  const commit = durable ? [] : ['SET LOCAL synchronous_commit = off'];
  return ['BEGIN', ...limits.local, ...commit];
}

/** Undoes SET ROLE and SET SESSION AUTHORIZATION of a file; RESET ALL leaves the role as it is. */
export const resetRole = 'RESET SESSION AUTHORIZATION; RESET ROLE';

/** Returns the SQL that undoes every change a file made to the session. */
export function resetSession(session: Session): string {
  return `${resetRole}; ${resetSettings(session)}`;
}

/** Returns to the role and the settings of the connection, its search_path included. */
export const resetToRole = `${resetRole}; RESET ALL`;

/** Joins statements into one message. Each may end in a comment. */
export function scriptOf(...statements: string[]): string {
  return statements.join('\n; ');
}
