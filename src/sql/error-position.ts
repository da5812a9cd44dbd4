import { relative } from 'node:path';
import type { DatabaseError } from 'pg';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { messageOf } from '../errors.ts';
import { lineOf, offsetOfCharacter, splitStatements, SqlSyntaxError } from './statements.ts';

/**
 * Where in a file the server found an error: its 1-based `position` counts the characters of all
 * that was sent.
 *
 * @param prefixLength what was sent before the file, in UTF-16 units
 * @returns 0-based, in UTF-16 units of the file; nothing when the error has no position
 */
export function offsetOfError(
  cause: unknown,
  sent: string,
  prefixLength: number,
): number | undefined {
  const position = Number((cause as { position?: string } | null)?.position);
  if (!position) return undefined;
  const offset = offsetOfCharacter(sent, position - 1) - prefixLength;
  return offset >= 0 ? offset : undefined;
}

/** For errors without a position (a violated constraint, say): where the failing statement begins. */
export async function offsetOfStatement(
  sql: string,
  completed: number,
): Promise<number | undefined> {
  try {
    return (await splitStatements(sql))[completed]?.offset;
  } catch (error) {
    if (error instanceof SqlSyntaxError) return error.offset;
    throw error;
  }
}

/** `migrations/0003_prices.up.sql:4`, and the line with a caret. */
export function showPlace(file: string, sql: string, offset: number | undefined): string[] {
  const name = relative(process.cwd(), file);
  return offset === undefined
    ? [name]
    : [`${name}:${lineOf(sql, offset)}`, ...excerpt(sql, offset)];
}

/** The server's words, with the SQLSTATE. */
export function serverSays(cause: unknown): string[] {
  const { code, detail, hint, where } = cause as Partial<DatabaseError>;
  const message = messageOf(cause);
  // The detail of these two is a whole row, with whatever secrets are in it (server manual, "Error Codes").
  const showsRow = code === sqlstate.notNullViolation || code === sqlstate.checkViolation;
  return [
    isSqlState(code) ? `SQLSTATE ${code}: ${message}` : message,
    ...(detail && !showsRow ? [`Detail: ${detail}`] : []),
    ...(hint ? [`Hint: ${hint}`] : []),
    ...(where ? where.split('\n').map((line) => `In: ${line}`) : []),
  ];
}

/** The line of `text` at `offset` with a caret below, long lines cut around it. */
export function excerpt(text: string, offset: number): string[] {
  const line = lineOf(text, offset);
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const content = (text.slice(start).split('\n')[0] ?? '').replaceAll('\t', ' ').trimEnd();
  const column = offset - start;
  const from = Math.max(0, column - 60);
  const shown = content.slice(from, from + 100);
  const gutter = `${line} | `;
  return [`${gutter}${shown}`, `${' '.repeat(gutter.length + column - from)}^`];
}
