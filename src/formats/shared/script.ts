import type * as Crypto from 'node:crypto';
import { existsSync } from 'node:fs';
import { codeOf } from '../../db/connection-error.ts';
import type { Migration, Script, SqlScript } from '../../migration.ts';
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

/** What the migrations of a format have in common. */
export interface FileForm {
  /** @param source the text of the whole file */
  hashOf(source: string): string;
  /** Returns `otherHashes`. */
  otherHashesOf?(source: string): string[];
  /** Returns the rollback in a file of its own, if that exists. */
  downOf?(up: Script): Script | undefined;
  /** Returns `row`. */
  rowOf?(name: string): Migration['row'];
}

/** Of a tool that records no hash, and of dbops itself. */
const plainForm: FileForm = { hashOf };

/** One migration whose file has been read. */
export interface ReadFile {
  name: string;
  version?: string | undefined;
  /** The text of the whole file. */
  source: string;
  up: Script;
  down?: Script | undefined;
  row?: Migration['row'];
}

/**
 * A migration whose hashes and rollback are computed when they are first read: a run with nothing to do needs few.
 * A class, because each object literal with accessors has a shape of its own in V8, which slows down every function
 * that a thousand of them pass through.
 */
export class FileMigration implements Migration {
  readonly name: string;
  readonly version: string | undefined;
  up: Script;
  readonly #form: FileForm;
  readonly #source: string;
  #hash: string | undefined;
  #down: Script | null | undefined;
  #row: Migration['row'];

  constructor({ name, version, source, up, down, row }: ReadFile, form = plainForm) {
    this.name = name;
    this.version = version;
    this.up = up;
    this.#form = form;
    this.#source = source;
    this.#down = down;
    this.#row = row;
  }

  get hash(): string {
    return (this.#hash ??= this.#form.hashOf(this.#source));
  }

  get otherHashes(): readonly string[] | undefined {
    return this.#form.otherHashesOf?.(this.#source);
  }

  get down(): Script | undefined {
    if (this.#down === undefined) this.#down = this.#form.downOf?.(this.up) ?? null;
    return this.#down ?? undefined;
  }

  set down(script: Script | undefined) {
    this.#down = script ?? null;
  }

  get row(): Migration['row'] {
    return (this.#row ??= this.#form.rowOf?.(this.name));
  }
}
