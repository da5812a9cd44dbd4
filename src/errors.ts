/** The exit codes of the process; the table is public (`docs/exit-codes.md`). */
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
  /** What the command had done, as its JSON document; set by the API. */
  document?: ErrorDocument;
  cause?: unknown;
}

type ErrorDocument = Readonly<Record<string, unknown>>;

/** An error that dbops explains; any other error that reaches the user is a bug. */
export class DbopsError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly reason: readonly string[];
  readonly hint: string;
  /** The JSON document of the command: the migrations that were applied before the error, for example. */
  declare readonly document?: ErrorDocument;

  constructor({ code, exitCode, message, reason = [], hint, document, cause }: Explanation) {
    super(message, { cause });
    this.name = 'DbopsError';
    this.code = code;
    this.exitCode = exitCode;
    this.reason = reason;
    this.hint = hint;
    if (document) this.document = document;
  }

  /** Returns the same error with further lines of reason, or another hint. */
  with({
    reason = [],
    hint = this.hint,
  }: {
    reason?: readonly string[];
    hint?: string;
  }): DbopsError {
    return new DbopsError({
      ...this,
      message: this.message,
      cause: this.cause,
      reason: [...this.reason, ...reason],
      hint,
    });
  }
}

/** Returns the message of an error, or the text of whatever else was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns an error of usage or configuration: nothing was changed (exit code 2). */
export function usageError(code: string, message: string, hint: string, reason: string[] = []) {
  return new DbopsError({ code, exitCode: exitCodes.usage, message, hint, reason });
}

/** Returns the error of a run that SIGINT or SIGTERM stopped at a safe point (exit code 130). */
export function interrupted(message: string, hint: string) {
  return new DbopsError({ code: 'INTERRUPTED', exitCode: exitCodes.interrupted, message, hint });
}

/** Returns the error for a rejection in the project's code that nothing awaits; it ends the run. */
function unhandled(cause: unknown): DbopsError {
  return new DbopsError({
    code: 'UNHANDLED',
    exitCode: exitCodes.failed,
    message: `The project's code threw an error that nothing awaits: ${messageOf(cause)}`,
    hint: 'Await every promise in the migration; --verbose shows the stack. See what was applied: dbops migrate status',
    cause,
  });
}

const refusedFile: Record<string, [what: string, hint: string]> = {
  EISDIR: [
    'it is a directory',
    'Move it out of the folder, or rename it so that its name is not that of a migration.',
  ],
  ENOTDIR: ['a part of its path is not a directory', 'Correct the path.'],
  ENOENT: ['it does not exist, or its link is broken', 'Restore the file, or remove the link.'],
  ELOOP: [
    'its symbolic links form a loop',
    'Remove the link, or point it to a file: ls -l shows its target.',
  ],
  EACCES: ['permission denied', 'Grant the user access: chmod u+rwX, or chown.'],
  EPERM: ['permission denied', 'Grant the user access: chmod u+rwX, or chown.'],
  EROFS: ['the file system is read-only', 'Choose another path, or mount it for writing.'],
  EMFILE: ['too many files are open', 'Raise the limit: ulimit -n 4096'],
  ENAMETOOLONG: ['its name is too long', 'Give it a shorter name.'],
};

const ofFolders = new Set(['scandir', 'opendir']);
const ofFiles = new Set(['open', 'read', 'stat', 'lstat', 'access', 'readlink', 'realpath']);
const ofWriting = new Set(['mkdir', 'write', 'rename', 'unlink', 'rmdir', 'symlink', 'copyfile']);

/** Returns the explanation of a file system error (exit code 2); nothing for any other error. */
export function fileError(error: unknown): DbopsError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '', syscall = '', path }: NodeJS.ErrnoException = error;
  const [what, hint] = refusedFile[code] ?? [];
  const object = ofFolders.has(syscall) ? 'FOLDER' : 'FILE';
  const isWriting = ofWriting.has(syscall);
  if (!what || !hint || !(isWriting || ofFolders.has(syscall) || ofFiles.has(syscall)))
    return undefined;
  return new DbopsError({
    code: `${object}.${isWriting ? 'UNWRITABLE' : 'UNREADABLE'}`,
    exitCode: exitCodes.usage,
    message: `Cannot ${isWriting ? 'write' : 'read'} ${path ?? 'a file of the folder'}: ${what}.`,
    reason: [error.message],
    hint,
    cause: error,
  });
}

/**
 * Returns the result of the work.
 *
 * @param stray rejects with an error that nothing awaited
 * @throws that error, where it comes before the result
 */
export function orStray<T>(work: Promise<T>, stray: Promise<never> | undefined): Promise<T> {
  const failure = stray?.catch((error: unknown) => {
    throw unhandled(error);
  });
  return Promise.race([work, ...(failure ? [failure] : [])]);
}
