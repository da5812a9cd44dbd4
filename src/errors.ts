/** What the process exits with; the table is public (`docs/exit-codes.md`). */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  findings: 4,
  pending: 5,
  desynchronised: 6,
  locked: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface Explanation {
  /** Stable and greppable, such as `MIGRATION.FAILED`. */
  code: string;
  exitCode: ExitCode;
  /** What happened, in one sentence. */
  message: string;
  /** Why: SQLSTATE, file and line, the statement with a caret. One entry a line. */
  reason?: string[];
  /** What to do about it, ending in a command to paste where there is one. */
  hint: string;
  cause?: unknown;
}

/** The one error that dbops throws on purpose; anything else that surfaces is a bug. */
export class DbopsError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly reason: readonly string[];
  readonly hint: string;

  constructor({ code, exitCode, message, reason = [], hint, cause }: Explanation) {
    super(message, { cause });
    this.name = 'DbopsError';
    this.code = code;
    this.exitCode = exitCode;
    this.reason = reason;
    this.hint = hint;
  }
}

/** A mistake in the call or the configuration: nothing was tried (exit code 2). */
export function usageError(code: string, message: string, hint: string, reason: string[] = []) {
  return new DbopsError({ code, exitCode: exitCodes.usage, message, hint, reason });
}

/** The work was stopped by SIGINT or SIGTERM at a safe point (exit code 130). */
export function interrupted(message: string, hint: string) {
  return new DbopsError({ code: 'INTERRUPTED', exitCode: exitCodes.interrupted, message, hint });
}
