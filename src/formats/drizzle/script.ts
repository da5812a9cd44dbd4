import { hash } from 'node:crypto';
import type { SqlScript } from '../../migration.ts';
import { withoutBom, readText } from '../shared/script.ts';

/** SHA-256, in hex, of the text as it is: a BOM and the kind of line endings count. */
export function hashOf(source: string): string {
  return hash('sha256', source);
}

/** What Drizzle would have recorded of the same file in a checkout with other line endings. */
export function hashesOfLineEndings(source: string): string[] {
  const text = source.replaceAll('\r\n', '\n');
  return [text, text.replaceAll('\n', '\r\n')].map(hashOf);
}

export function drizzleScript(file: string, source: string): SqlScript {
  return {
    kind: 'sql',
    file,
    // Of applied files nobody asks for it.
    get sql() {
      return separateStatements(withoutBom(source));
    },
  };
}

/** As `drizzleScript`, of a file that most commands never read. */
export function lazyDrizzleScript(file: string): SqlScript {
  return {
    kind: 'sql',
    file,
    get sql() {
      return separateStatements(withoutBom(readText(file)));
    },
  };
}

const marker = '--> statement-breakpoint';

/**
 * Drizzle cuts a file at its markers wherever they stand (`query.split(…)` in drizzle-orm's
 * migrator.js). For the server they are comments: a statement without a semicolon would run into
 * the next one, and what stands behind a marker on its line would be lost. Every character keeps
 * its place, for the lines in error messages.
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
  // A semicolon behind `-- …` would be part of that comment.
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
