import { codeOf } from '../db/connection-error.ts';
import { Opening } from '../db/opening.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format, LoadedModule } from '../formats/format.ts';
import { offsetOfError } from '../sql/error-position.ts';
import { needsCommits, type ExecutionPlan } from '../sql/execution.ts';

/** Where in the text of a migration an error occurred. */
export interface FailurePoint {
  /** The text of the file as it was sent. */
  sql: string;
  /** How many statements of the file completed before the failing one. */
  completed: number;
  /** 0-based offset of the error in `sql`, where the server reported one. */
  offset?: number | undefined;
}

/** The failure of a migration itself, as opposed to one of the statements around it. */
export class MigrationError extends Error {
  /** Absent for a module, whose text is not what was sent. */
  readonly point: FailurePoint | undefined;

  constructor(cause: unknown, point?: FailurePoint) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.point = point;
  }
}

/** The statements before and after a migration in its transaction. */
export interface Frame {
  begin: readonly string[];
  end: string;
}

/**
 * Sends a whole SQL file and its frame as one message: one round trip.
 *
 * @throws MigrationError when a statement of the message fails
 */
export async function sendWhole(
  session: Session,
  sql: string,
  { begin, end }: Frame,
): Promise<void> {
  const prefix = begin.map((statement) => `${statement}; `).join('');
  // A comment may end the file without a newline, and would swallow what follows.
  const sent = `${prefix}${sql}\n; ${end}`;
  try {
    await session.script(sent);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const completed = Math.max(0, error.completed - begin.length);
    const offset = offsetOfError(error.cause, sent, prefix.length);
    throw new MigrationError(error.cause, { sql, completed, offset });
  }
}

/**
 * Runs a module in a transaction. The frame's first statements travel with the module's first query.
 *
 * @throws MigrationError when the module or the end of the frame fails
 */
export async function sendModule(
  session: Session,
  module: LoadedModule,
  { begin, end }: Frame,
): Promise<void> {
  const opening = new Opening(begin);
  try {
    await module.run(session, true, opening);
    await session.script([...opening.take(), end].join('; '));
  } catch (error) {
    if (error instanceof DbopsError) throw error;
    throw new MigrationError(error instanceof ScriptError ? error.cause : error);
  }
}

/** The two ways to run an SQL file. */
export interface Sending {
  /** In one transaction. Leaves no transaction open when it fails. */
  whole(sql: string): Promise<void>;
  /** @param refusal the SQLSTATE with which the server refused one transaction, if it did */
  byStatement(source: string, refusal?: string): Promise<void>;
}

/**
 * Runs an SQL file in one transaction, or statement by statement where the file asks for it or the
 * server demands it. The runner and the replay both use it: what a shadow proves holds only if the
 * live database runs a file in the same way.
 */
export async function sendFile(
  { sql, source, isStepwise }: ExecutionPlan,
  { needsDirective }: Pick<Format, 'needsDirective'>,
  sending: Sending,
): Promise<void> {
  if (isStepwise) return sending.byStatement(source);
  try {
    await sending.whole(sql);
  } catch (error) {
    const refusal = error instanceof Error ? codeOf(error.cause) : '';
    if (needsDirective || !needsCommits.has(refusal)) throw error;
    await sending.byStatement(source, refusal);
  }
}
