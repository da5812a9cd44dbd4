import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { codeOf } from '../../db/connection-error.ts';
import type { SqlScript } from '../../migration.ts';

/** An editor's mark at the beginning of a text; the server takes it for a syntax error. */
export function withoutBom(source: string): string {
  return source.startsWith('\uFEFF') ? source.slice(1) : source;
}

/** The script of a file whose text is at hand. */
export function sqlScript(file: string, source: string): SqlScript {
  return { kind: 'sql', file, sql: withoutBom(source) };
}

/** A file that most commands never read. */
export function lazyScript(file: string): SqlScript {
  return {
    kind: 'sql',
    file,
    get sql() {
      return withoutBom(readText(file));
    },
  };
}

/** SHA-256, in hex, of the text without its BOM and with LF line endings: a checkout on Windows is no edit. */
export function hashOf(source: string): string {
  const text = withoutBom(source);
  return hash('sha256', text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);
}

/** The text of a file. Node's error for a directory in its place names no file. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { path: file }) : error;
  }
}

const missing = new Set(['ENOENT', 'ENOTDIR']);

/** The text of a file; nothing when there is none. */
export function readIfPresent(file: string): string | undefined {
  try {
    return readText(file);
  } catch (error) {
    if (missing.has(codeOf(error))) return undefined;
    throw error;
  }
}
