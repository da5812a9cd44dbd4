import { sqlstate } from './sqlstate.ts';

/** The process of an embedded database ended before its work was done. */
export class EngineLost extends Error {
  /** For the caller, the connection is lost. */
  readonly code = sqlstate.connectionFailure;
  /** What the engine wrote before it ended, a line each; the first is in the message. */
  readonly reason: readonly string[];

  /** @param how such as `SIGSEGV` or `exit code 1` */
  constructor(how: string, reason: readonly string[]) {
    const [why = `(${how})`] = reason;
    super(`The embedded PostgreSQL engine stopped${reason.length > 0 ? ':' : ''} ${why}`);
    this.name = 'EngineLost';
    this.reason = reason;
  }
}

/** Returns the loss of an embedded engine that led to an error. */
export function engineLossOf(error: unknown): EngineLost | undefined {
  if (error instanceof EngineLost) return error;
  return error instanceof Error ? engineLossOf(error.cause) : undefined;
}
