import { ScriptError } from '../db/session.ts';
import { offsetOfError, offsetOfStatement } from '../sql/error-position.ts';

/** A failure and where in its file it is, where that is known. */
export class PlacedError extends Error {
  /** 0-based, in UTF-16 units of the file. */
  readonly offset: number | undefined;
  constructor(cause: unknown, offset: number | undefined) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.offset = offset;
  }
}

/** The database went away while a migration ran in it, which is not known to be the migration's fault. */
export class LostInReplay extends Error {
  readonly migration: string;
  constructor(migration: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.migration = migration;
  }
}

/** Where a file failed that was sent whole, after a `prefix` of so many statements. */
export async function placeInFile(
  error: unknown,
  source: string,
  prefix: { text: string; statements: number },
): Promise<PlacedError> {
  const cause = error instanceof ScriptError ? error.cause : error;
  const completed = error instanceof ScriptError ? error.completed - prefix.statements : 0;
  const position = offsetOfError(cause, `${prefix.text}${source}`, prefix.text.length);
  return new PlacedError(cause, position ?? (await offsetOfStatement(source, completed)));
}

/** Where a statement failed that was sent alone. */
export function placeInStatement(
  error: unknown,
  { sql, offset }: { sql: string; offset: number },
): PlacedError {
  const cause = error instanceof ScriptError ? error.cause : error;
  return new PlacedError(cause, offset + (offsetOfError(cause, sql, 0) ?? 0));
}
