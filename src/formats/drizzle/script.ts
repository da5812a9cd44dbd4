import type { SqlScript } from '../../migration.ts';
import { digest, LazyScript, withoutBom } from '../shared/script.ts';
import { readText } from '../../text-file.ts';

/** Returns the SHA-256, in hex, of the text including a BOM and its line endings. */
export function hashOf(source: string): string {
  return digest('sha256', source);
}

/** Returns the hashes that Drizzle records for the same text with LF and with CRLF line endings. */
export function hashesOfLineEndings(source: string): string[] {
  const text = source.replaceAll('\r\n', '\n');
  return [text, text.replaceAll('\n', '\r\n')].map(hashOf);
}

/** Returns the script of a file that has been read. */
export function drizzleScript(file: string, source: string): SqlScript {
  return new LazyScript(file, () => separateStatements(withoutBom(source)));
}

/** Returns the SQL of a file. */
export function drizzleSqlOf(file: string): string {
  return separateStatements(withoutBom(readText(file)));
}

const marker = '--> statement-breakpoint';

/**
 * Replaces markers with semicolons where the server needs them. Drizzle splits a file at every marker
 * (`query.split(…)` in drizzle-orm's migrator.js), but the server reads a marker as a comment: a
 * statement without a semicolon would run into the next one, and text after a marker on its line
 * would be lost. Line numbers stay, for error messages.
 */
export function separateStatements(sql: string): string {
  const [first = '', ...others] = sql.split(marker);
  let before = first;
  let separated = first;
  for (const chunk of others) {
    separated += separatorBetween(before, chunk) + chunk;
    before = chunk;
  }
  return separated;
}

function separatorBetween(before: string, after: string): string {
  const endsLine = /^[ \t]*(?:\r?\n|$)/.test(after);
  if (endsLine && isEnded(before)) return marker;
  // A semicolon after `-- …` would be part of that comment.
  const separator = lastLineOf(before).includes('--') ? '\n;' : ';';
  return separator.padEnd(marker.length);
}

function isEnded(chunk: string): boolean {
  const text = chunk.trimEnd();
  const line = lastLineOf(text);
  return text === '' || (line.endsWith(';') && !line.includes('--'));
}

function lastLineOf(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}
