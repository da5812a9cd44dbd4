import type * as Crypto from 'node:crypto';
import { existsSync } from 'node:fs';
import { codeOf } from '../../db/connection-error.ts';
import type { SqlScript } from '../../migration.ts';
import { readInAnyEncoding, readText } from '../../text-file.ts';

/** Removes a byte order mark, which the server rejects as a syntax error. */
export function withoutBom(source: string): string {
  return source.startsWith('\uFEFF') ? source.slice(1) : source;
}

/** Returns the script of a file that has been read. */
export function sqlScript(file: string, source: string): SqlScript {
  return { kind: 'sql', file, sql: withoutBom(source) };
}

/** A script whose text is made when it is needed. A class for the reason of `FileMigration`. */
export class LazyScript implements SqlScript {
  readonly kind = 'sql';
  readonly file: string;
  readonly #read: (file: string) => string;

  /** @param read returns the SQL of the file */
  constructor(file: string, read: (file: string) => string) {
    this.file = file;
    this.#read = read;
  }

  get sql(): string {
    return this.#read(this.file);
  }
}

/** Returns the script of a file that is read only when its SQL is needed. */
export function lazyScript(file: string): SqlScript {
  return new LazyScript(file, sqlOf);
}

/** Returns the script of a file, if it exists. */
export function scriptIfPresent(file: string, sqlIn = sqlOf): SqlScript | undefined {
  return existsSync(file) ? new LazyScript(file, sqlIn) : undefined;
}

const sqlOf = (file: string) => withoutBom(readText(file));

/**
 * Returns the hash of a text, in hex. `node:crypto` is loaded with the first hash: that takes as long as
 * hashing a thousand files, and many tools record no hash.
 */
export function digest(algorithm: 'sha1' | 'sha256', text: string): string {
  crypto ??= process.getBuiltinModule('node:crypto');
  return crypto.hash(algorithm, text);
}

let crypto: typeof Crypto | undefined;

/** Returns the SHA-256, in hex, of the text without a BOM and with LF line endings, so that a checkout on Windows is not an edit. */
export function hashOf(source: string): string {
  const text = withoutBom(source);
  return digest('sha256', text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);
}

const missing = new Set(['ENOENT', 'ENOTDIR']);

/**
 * Returns the text of a file of the folder; undefined when it does not exist. A file that is not UTF-8
 * can be listed: `openFolder` replaces its script with one that cannot be run.
 */
export function readIfPresent(file: string): string | undefined {
  try {
    return readInAnyEncoding(file);
  } catch (error) {
    if (missing.has(codeOf(error))) return undefined;
    throw error;
  }
}
