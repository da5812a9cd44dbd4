import { relative } from 'node:path';
import { ScriptError } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Migration } from '../migration.ts';
import { excerpt } from '../sql/excerpt.ts';
import { lineOf, offsetOfCharacter, splitStatements } from '../sql/statements.ts';

/** A failure and where in its file it is, where that is known. */
export class PlacedError extends Error {
  /** 0-based, in UTF-16 units of the file. */
  readonly offset: number | undefined;
  constructor(cause: unknown, offset: number | undefined) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.offset = offset;
  }
}

/** Where a file failed that was sent whole, after a `prefix` of so many statements. */
export async function placeInFile(
  error: unknown,
  source: string,
  prefix: { text: string; statements: number },
): Promise<PlacedError> {
  const cause = error instanceof ScriptError ? error.cause : error;
  const position = positionIn(`${prefix.text}${source}`, cause);
  if (position !== undefined) return new PlacedError(cause, position - prefix.text.length);
  const statements = await splitStatements(source).catch(() => []);
  const completed = error instanceof ScriptError ? error.completed - prefix.statements : 0;
  return new PlacedError(cause, statements[completed]?.offset);
}

/** Where a statement failed that was sent alone. */
export function placeInStatement(
  error: unknown,
  { sql, offset }: { sql: string; offset: number },
): PlacedError {
  const cause = error instanceof ScriptError ? error.cause : error;
  return new PlacedError(cause, offset + (positionIn(sql, cause) ?? 0));
}

/** The server's 1-based `position`, counted in characters of what was sent. */
function positionIn(sent: string, cause: unknown): number | undefined {
  const position = Number((cause as { position?: string } | null)?.position);
  return position ? offsetOfCharacter(sent, position - 1) : undefined;
}

/** The error of a migration that fails on an empty database. */
export function doesNotReplay({ name, up }: Migration, source: string, error: unknown): DbopsError {
  const { cause, offset } =
    error instanceof PlacedError ? error : { cause: error, offset: undefined };
  const file = relative(process.cwd(), up.file);
  const where =
    offset === undefined
      ? [file]
      : [`${file}:${lineOf(source, offset)}`, ...excerpt(source, offset)];
  const code = (cause as { code?: string } | null)?.code;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new DbopsError({
    code: 'SHADOW.REPLAY',
    exitCode: exitCodes.failed,
    message: `${name} does not run on an empty database, so the expected schema is not known.`,
    reason: [...where, code ? `SQLSTATE ${code}: ${message}` : message],
    hint: 'Correct the migration, or replay on a real server (extensions, versions) with --shadow-url postgres://…',
    cause,
  });
}
