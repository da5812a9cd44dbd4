import { hash } from 'node:crypto';
import type { Flaw } from '../shared/flaw.ts';
import { withoutBom } from '../shared/script.ts';

/** A file of `committed/`, parsed. */
export interface Committed {
  /** As the database records it, and as the file's own header should say. */
  hash: string;
  /** The hash in its header. */
  declared?: string;
  /** The hash of the migration before, in its header; absent for the first. */
  previous?: string;
  /** With empty lines in place of the header. */
  sql: string;
  noTransaction: boolean;
  /** Why graphile-migrate refuses the file. */
  flaw?: Flaw;
}

/**
 * Parses a file as graphile-migrate does (`migration`: `parseMigrationText`, `getAllMigrations`,
 * `runCommittedMigration`; `hash`; `header`), and with its refusals.
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

/** A migration whose `--! Previous:` is not the hash of the one before it. */
export function chainFlaw(name: string): Flaw {
  return {
    code: 'broken-chain',
    message: `${name} does not follow the migration before it: its header names another previous hash.`,
    help: 'Two branches have committed a migration each. Take the later one back and commit it again: graphile-migrate uncommit && graphile-migrate commit',
  };
}

type Headers = (readonly [key: string, value: string])[];

const header = /^--! ([A-Z][a-zA-Z0-9_]*)(?::(.*))?$/;

/** The lines `--! Key: value` at the top. */
function headersOf(lines: readonly string[]): Headers {
  const end = lines.findIndex((line) => !header.test(line));
  return lines.slice(0, end < 0 ? undefined : end).map((line) => {
    const [, key = '', value = ''] = header.exec(line) ?? [];
    return [key, value.trim()];
  });
}

function hashOf(body: string, previous = ''): string {
  return `sha1:${hash('sha1', `${`${previous}\n${body}`.trim()}\n`)}`;
}

function converted(name: string): Flaw {
  return {
    code: 'line-endings',
    message: `${name} has CRLF line endings, with which graphile-migrate does not find its header.`,
    help: 'Put the line "migrations/committed/*.sql text eol=lf" into .gitattributes, then: git add --renormalize . && git checkout -- migrations/committed',
  };
}

function headerFlaw(name: string, headers: Headers, [gap]: readonly string[]): Flaw | undefined {
  const keys = headers.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) < index);
  const missing = ['Previous', 'Hash'].find((key) => !new Map(headers).get(key));
  if (!twice && !missing && gap === '') return undefined;
  const what = twice
    ? `says "--! ${twice}" twice`
    : missing
      ? `has no "--! ${missing}" at its top`
      : 'has no empty line after its header';
  return {
    code: 'broken-header',
    message: `${name} ${what}: graphile-migrate refuses the folder.`,
    help: 'Bring the file back as it was committed, or commit its statements anew: put them into current.sql, then graphile-migrate commit',
  };
}

function hashFlaw(name: string, isValid: boolean, allowsInvalid: boolean): Flaw | undefined {
  if (isValid !== allowsInvalid) return undefined;
  return isValid
    ? {
        code: 'needless-allow-invalid-hash',
        message: `${name} says "--! AllowInvalidHash", but its hash is valid: graphile-migrate refuses to run it.`,
        help: 'Remove the line "--! AllowInvalidHash".',
      }
    : {
        code: 'hash-mismatch',
        message: `${name} was edited after it was committed: its text does not give the hash in its header.`,
        help: 'Bring it back as it was committed (git log -p shows the edit), and make the change in current.sql. If the edit is meant, add the line "--! AllowInvalidHash" to its header.',
      };
}
