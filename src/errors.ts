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

  /** Returns the same error with further lines of reason. */
  with({ reason }: { reason: readonly string[] }): DbopsError {
    return new DbopsError({
      ...this,
      message: this.message,
      cause: this.cause,
      reason: [...this.reason, ...reason],
    });
  }
}

/** Returns the message of an error, or the text of whatever else was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A mistake in the call or the configuration: nothing was tried (exit code 2). */
export function usageError(code: string, message: string, hint: string, reason: string[] = []) {
  return new DbopsError({ code, exitCode: exitCodes.usage, message, hint, reason });
}

/** The work was stopped by SIGINT or SIGTERM at a safe point (exit code 130). */
export function interrupted(message: string, hint: string) {
  return new DbopsError({ code: 'INTERRUPTED', exitCode: exitCodes.interrupted, message, hint });
}

/** An error of a project's code that nothing awaits: whatever else runs has to end with it. */
export function unhandled(cause: unknown): DbopsError {
  return new DbopsError({
    code: 'UNHANDLED',
    exitCode: exitCodes.failed,
    message: `Code of the project threw an error that nothing awaits: ${messageOf(cause)}`,
    hint: 'Await every promise in the migration; --verbose shows the stack. What stands: dbops migrate status',
    cause,
  });
}

const refusedFile: Record<string, [what: string, hint: string]> = {
  EISDIR: [
    'it is a directory',
    'Take it out of the folder, or give it a name that is not like a file’s.',
  ],
  ENOTDIR: ['a part of its path is no directory', 'Correct the path.'],
  ENOENT: ['it does not exist, or is a link to nothing', 'Bring it back, or remove the link.'],
  ELOOP: [
    'its links lead in a circle',
    'Remove the link, or let it name a file: ls -l shows where it leads.',
  ],
  EACCES: ['this user may not', 'Give the user the right: chmod u+rwX, or chown.'],
  EPERM: ['this user may not', 'Give the user the right: chmod u+rwX, or chown.'],
  EROFS: ['the file system is read only', 'Choose another place, or mount it for writing.'],
  EMFILE: ['this process has too many files open', 'Raise the limit: ulimit -n 4096'],
  ENAMETOOLONG: ['its name is too long', 'Give it a shorter name.'],
};

const ofFolders = new Set(['scandir', 'opendir']);
const ofFiles = new Set(['open', 'read', 'stat', 'lstat', 'access', 'readlink', 'realpath']);
const ofWriting = new Set(['mkdir', 'write', 'rename', 'unlink', 'rmdir', 'symlink', 'copyfile']);

/** Explains an error of the file system (exit code 2); nothing for any other error. */
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
    message: `${path ?? 'A file of the folder'} can not be ${isWriting ? 'written' : 'read'}: ${what}.`,
    reason: [error.message],
    hint,
    cause: error,
  });
}
