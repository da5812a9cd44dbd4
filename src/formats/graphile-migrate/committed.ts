import type { Migration, Script, SqlScript } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import { readInAnyEncoding } from '../../text-file.ts';
import { findingOf, refusalOf, type Flaw } from '../shared/flaw.ts';
import { digest, withoutBom } from '../shared/script.ts';
import type { Gmrc } from './gmrc.ts';

/** A parsed file of `committed/`. */
export interface Committed {
  /** The hash that the database records, and that the header must contain. */
  hash: string;
  /** The hash in its header. */
  declared: string | undefined;
  /** The hash of the previous migration in its header; absent for the first. */
  previous: string | undefined;
  /** The header lines are emptied. */
  sql: string;
  noTransaction: boolean;
  /** Why graphile-migrate rejects the file. */
  flaw: Flaw | undefined;
}

/**
 * Parses a file as graphile-migrate does (`migration`: `parseMigrationText`, `getAllMigrations`,
 * `runCommittedMigration`; `hash`; `header`), with the same errors.
 */
export function parseCommitted(source: string, name: string): Committed {
  const text = withoutBom(source);
  const isConverted = /^--! .*\r\n/.test(text);
  const top = topOf(isConverted ? text.replaceAll('\r\n', '\n') : text);
  const { values, lines, rest } = top;
  const body = rest.trim();
  const previous = values.get('Previous') === '-' ? undefined : values.get('Previous');
  const declared = values.get('Hash');
  const computed = hashOf(body, previous);
  const allowsInvalid = values.has('AllowInvalidHash');
  const flaw = isConverted
    ? converted(name)
    : (headerFlaw(name, top) ?? hashFlaw(name, declared === computed, allowsInvalid));
  return {
    hash: allowsInvalid && declared ? declared : computed,
    declared: declared || undefined,
    previous: previous || undefined,
    sql: '\n'.repeat(lines) + rest,
    noTransaction: /^--!\s*no-transaction\b/.test(body),
    flaw,
  };
}

/** Returns the text of a committed file. @param previous the hash of the migration before it */
export function committedText(sql: string, previous?: string): string {
  const body = sql.trim();
  return `--! Previous: ${previous ?? '-'}\n--! Hash: ${hashOf(body, previous)}\n\n${body}\n`;
}

/** Returns the flaw of a migration whose `--! Previous:` is not the hash of the previous one. */
function chainFlaw(name: string): Flaw {
  return {
    code: 'broken-chain',
    message: `${name} does not follow the previous migration: its header has another previous hash.`,
    help: 'Two branches each committed a migration. Uncommit the later one and commit it again: graphile-migrate uncommit && graphile-migrate commit',
  };
}

const header = /^--! ([A-Z][a-zA-Z0-9_]*)(?::(.*))?$/;

interface Top {
  /** The values of the lines `--! Key: value` at the top, by their keys. */
  values: Map<string, string>;
  /** A key that is there twice. */
  twice: string | undefined;
  /** The number of these lines. */
  lines: number;
  /** The text after them. */
  rest: string;
  /** Whether an empty line follows them. */
  hasGap: boolean;
}

function topOf(text: string): Top {
  const values = new Map<string, string>();
  let twice: string | undefined;
  let lines = 0;
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    const found = header.exec(text.slice(start, end < 0 ? undefined : end));
    if (!found) break;
    const [, key = '', value = ''] = found;
    if (values.has(key)) twice ??= key;
    values.set(key, value.trim());
    lines++;
    start = end < 0 ? text.length + 1 : end + 1;
  }
  const rest = text.slice(start);
  const hasGap = rest.startsWith('\n') || start === text.length;
  return { values, twice, lines, rest, hasGap };
}

function hashOf(body: string, previous = ''): string {
  return `sha1:${digest('sha1', `${`${previous}\n${body}`.trim()}\n`)}`;
}

function converted(name: string): Flaw {
  return {
    code: 'line-endings',
    message: `${name} has CRLF line endings, so that graphile-migrate does not recognize its header.`,
    help: 'Add the line "migrations/committed/*.sql text eol=lf" to .gitattributes, then: git add --renormalize . && git checkout -- migrations/committed',
  };
}

function headerFlaw(name: string, { values, twice, hasGap }: Top): Flaw | undefined {
  const missing = ['Previous', 'Hash'].find((key) => !values.get(key));
  if (!twice && !missing && hasGap) return undefined;
  const what = twice
    ? `has "--! ${twice}" twice`
    : missing
      ? `has no "--! ${missing}" at its top`
      : 'has no empty line after its header';
  return {
    code: 'broken-header',
    message: `${name} ${what}: graphile-migrate rejects the folder.`,
    help: 'Restore the committed file, or commit its statements again: move them to current.sql, then graphile-migrate commit',
  };
}

function hashFlaw(name: string, isValid: boolean, allowsInvalid: boolean): Flaw | undefined {
  if (isValid !== allowsInvalid) return undefined;
  return isValid
    ? {
        code: 'needless-allow-invalid-hash',
        message: `${name} has "--! AllowInvalidHash", but its hash is valid: graphile-migrate refuses to run it.`,
        help: 'Remove the line "--! AllowInvalidHash".',
      }
    : {
        code: 'hash-mismatch',
        message: `${name} was edited after it was committed: its text does not match the hash in its header.`,
        help: 'Restore the committed file (git log -p shows the edit), and make the change in current.sql. If the edit is intended, add the line "--! AllowInvalidHash" to its header.',
      };
}

/** Returns `000001` for `000001-slug` and `000001.sql`: the table records no slugs. */
export function numberOf(name: string): string {
  return /^\d+/.exec(name)?.[0] ?? name;
}

/** A file of `committed/`, which is read at once and parsed when that is needed; see `FileMigration`. */
export class CommittedMigration implements Migration {
  readonly name: string;
  readonly version: string;
  up: Script;
  readonly #file: string;
  readonly #source: string;
  readonly #before: CommittedMigration | undefined;
  #committed: Committed | undefined;

  constructor(file: string, name: string, before: CommittedMigration | undefined, settings: Gmrc) {
    this.name = name;
    this.version = numberOf(name);
    this.up = new CommittedScript(file, this, settings);
    this.#file = file;
    this.#source = readInAnyEncoding(file);
    this.#before = before;
  }

  get committed(): Committed {
    return (this.#committed ??= parseCommitted(this.#source, this.name));
  }

  get hash(): string {
    return this.committed.hash;
  }

  get row(): Migration['row'] {
    const { previous } = this.committed;
    return previous ? { previous } : undefined;
  }

  /** Why graphile-migrate rejects the file. */
  get flaw(): Flaw | undefined {
    const { flaw, previous } = this.committed;
    if (flaw) return flaw;
    return previous === this.#before?.committed.declared ? undefined : chainFlaw(this.name);
  }

  /** Returns the flaw as a finding. */
  finding(): Finding | undefined {
    return this.flaw && findingOf(this.flaw, this.name, this.#file);
  }
}

class CommittedScript implements SqlScript {
  readonly kind = 'sql';
  readonly file: string;
  readonly #migration: CommittedMigration;
  readonly #settings: Gmrc;

  constructor(file: string, migration: CommittedMigration, settings: Gmrc) {
    this.file = file;
    this.#migration = migration;
    this.#settings = settings;
  }

  /** @throws usage error for a file that graphile-migrate rejects */
  get sql(): string {
    const { flaw, committed } = this.#migration;
    if (flaw) throw refusalOf(flaw, this.file);
    return committed.sql;
  }

  get noTransaction(): boolean {
    return this.#migration.committed.noTransaction;
  }

  get sqlFor(): SqlScript['sqlFor'] {
    const { hasPlaceholder, replacePlaceholders } = this.#settings;
    const { sql } = this.#migration.committed;
    return hasPlaceholder(sql) ? (connection) => replacePlaceholders(sql, connection) : undefined;
  }
}
