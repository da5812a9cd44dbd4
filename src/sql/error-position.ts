import { relative } from 'node:path';
import type { DatabaseError } from 'pg';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { messageOf } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { lineOf, offsetOfCharacter, splitStatements, SqlSyntaxError } from './statements.ts';

/**
 * Returns the position of an error in a file. The server's 1-based `position` counts the characters
 * of the whole message.
 *
 * @param prefixLength length of the text sent before the file, in UTF-16 units
 * @returns 0-based, in UTF-16 units of the file; undefined when the error has no position
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

/** Returns the start of the failing statement, for errors without a position (such as a violated constraint). */
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

/** Returns `migrations/0003_prices.up.sql:4`, and the line with a caret. */
export function showPlace(file: string, sql: string, offset: number | undefined): string[] {
  const name = relative(process.cwd(), file);
  return offset === undefined
    ? [name]
    : [`${name}:${lineOf(sql, offset)}`, ...excerpt(sql, offset)];
}

/** Lines that dbops has added to an error of the server. */
interface CountedError {
  counted?: readonly string[];
}

/**
 * Returns the server's message with its SQLSTATE, detail, hint and context, one entry a line, as much
 * as a screen holds: a message or a context may contain a whole statement.
 *
 * @param message that of the server, where the error has another one
 */
export function serverSays(cause: unknown, message = messageOf(cause)): string[] {
  const {
    code,
    detail,
    hint,
    where,
    counted = [],
  } = cause as Partial<DatabaseError> & CountedError;
  // The detail of these two is a whole row, which may contain secrets (server manual, "Error Codes").
  const showsRow = code === sqlstate.notNullViolation || code === sqlstate.checkViolation;
  const said = shortened(message);
  return [
    isSqlState(code) ? `SQLSTATE ${code}: ${said}` : said,
    ...(detail && !showsRow ? [`Detail: ${shortened(detail)}`] : []),
    ...counted,
    ...(hint ? [`Hint: ${shortened(hint)}`] : []),
    ...(where
      ? shortened(where)
          .split('\n')
          .map((line) => `In: ${line}`)
      : []),
  ];
}

const mostLines = 12;
const mostCharacters = 1000;

/** Returns the beginning of a text that a screen holds, with the number of characters left out. */
export function shortened(text: string): string {
  const lines = text.split('\n').slice(0, mostLines).join('\n').slice(0, mostCharacters);
  const left = text.length - lines.length;
  return left === 0 ? text : `${lines} … (${formatCount(left)} more characters)`;
}

/** Returns the line of `text` at `offset` with a caret below; long lines are shortened. */
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
