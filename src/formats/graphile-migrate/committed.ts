import type { Flaw } from '../shared/flaw.ts';
import { digest, withoutBom } from '../shared/script.ts';

/** A parsed file of `committed/`. */
export interface Committed {
  /** The hash that the database records, and that the header must contain. */
  hash: string;
  /** The hash in its header. */
  declared?: string;
  /** The hash of the previous migration in its header; absent for the first. */
  previous?: string;
  /** The header lines are emptied. */
  sql: string;
  noTransaction: boolean;
  /** Why graphile-migrate rejects the file. */
  flaw?: Flaw;
}

/**
 * Parses a file as graphile-migrate does (`migration`: `parseMigrationText`, `getAllMigrations`,
 * `runCommittedMigration`; `hash`; `header`), with the same errors.
 */
export function parseCommitted(source: string, name: string): Committed {
  const text = withoutBom(source);
  const isConverted = /^--! .*\r\n/.test(text);
  const lines = (isConverted ? text.replaceAll('\r\n', '\n') : text).split('\n');
  const headers = headersOf(lines);
  const rest = lines.slice(headers.length);
  const body = rest.join('\n').trim();
  const values = new Map(headers);
  const previous = values.get('Previous') === '-' ? undefined : values.get('Previous');
  const declared = values.get('Hash');
  const computed = hashOf(body, previous);
  const allowsInvalid = values.has('AllowInvalidHash');
  const flaw = isConverted
    ? converted(name)
    : (headerFlaw(name, headers, rest) ?? hashFlaw(name, declared === computed, allowsInvalid));
  return {
    hash: allowsInvalid && declared ? declared : computed,
    ...(declared && { declared }),
    ...(previous && { previous }),
    sql: '\n'.repeat(headers.length) + rest.join('\n'),
    noTransaction: /^--!\s*no-transaction\b/.test(body),
    ...(flaw && { flaw }),
  };
}

/** Returns the text of a committed file. @param previous the hash of the migration before it */
export function committedText(sql: string, previous?: string): string {
  const body = sql.trim();
  return `--! Previous: ${previous ?? '-'}\n--! Hash: ${hashOf(body, previous)}\n\n${body}\n`;
}

/** Returns the flaw of a migration whose `--! Previous:` is not the hash of the previous one. */
export function chainFlaw(name: string): Flaw {
  return {
    code: 'broken-chain',
    message: `${name} does not follow the previous migration: its header has another previous hash.`,
    help: 'Two branches each committed a migration. Uncommit the later one and commit it again: graphile-migrate uncommit && graphile-migrate commit',
  };
}

type Headers = (readonly [key: string, value: string])[];

const header = /^--! ([A-Z][a-zA-Z0-9_]*)(?::(.*))?$/;

/** Returns the lines `--! Key: value` at the top. */
function headersOf(lines: readonly string[]): Headers {
  const end = lines.findIndex((line) => !header.test(line));
  return lines.slice(0, end < 0 ? undefined : end).map((line) => {
    const [, key = '', value = ''] = header.exec(line) ?? [];
    return [key, value.trim()];
  });
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

function headerFlaw(name: string, headers: Headers, [gap]: readonly string[]): Flaw | undefined {
  const keys = headers.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) < index);
  const values = new Map(headers);
  const missing = ['Previous', 'Hash'].find((key) => !values.get(key));
  if (!twice && !missing && gap === '') return undefined;
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
