import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { messageOf, usageError } from '../../errors.ts';
import type { Migration } from '../../migration.ts';
import { shellWord } from '../../output/shell.ts';
import type { Finding } from '../../report.ts';
import { drizzleScript, drizzleSqlOf, hashesOfLineEndings, hashOf } from './script.ts';
import { trackingOf } from './rows.ts';
import { findingOf as flawOf, refusedScript, type Flaw } from '../shared/flaw.ts';
import { findingOf, isFuture, timeOf } from './finding.ts';
import type { DrizzleTable } from './table.ts';
import type { FolderContents } from '../format.ts';
import {
  FileMigration,
  type FileForm,
  LazyScript,
  readIfPresent,
  withoutBom,
} from '../shared/script.ts';

interface JournalEntry {
  idx?: number;
  /** Milliseconds since 1970, when drizzle-kit generated the file; Drizzle compares this. */
  when: number;
  tag: string;
}

/**
 * Reads a folder of Drizzle 0.x: the journal's entries in their order. Like Drizzle, it ignores
 * other files.
 *
 * @throws usage error when the journal is invalid, or belongs to another database system
 */
export function readJournal(
  directory: string,
  journal: string,
  names: readonly string[],
  table: DrizzleTable,
): FolderContents {
  const entries = parseJournal(journal);
  const source = { directory, journal, present: new Set(names) };
  const migrations = entries.map((entry) => toMigration(source, entry));
  const findings = [
    ...migrations.flatMap(({ isMissing, name, up: { file } }) =>
      isMissing ? flawOf(missingFile(file, journal), name, file) : [],
    ),
    ...unlistedFiles(directory, entries, names),
    ...foldersOfVersion1(directory, names),
    ...twins(entries),
    ...disorder(entries),
    ...entries.filter(({ when }) => isFuture(when)).map(fromTheFuture),
  ];
  return { migrations, findings, tracking: trackingOf(migrations, shown(journal), table) };
}

function parseJournal(file: string): JournalEntry[] {
  const journal = parseJson(file);
  const listed =
    'entries' in journal && Array.isArray(journal.entries) ? journal.entries : undefined;
  if (!listed) throw unreadable(file, ['entries is not an array.']);
  const dialect = 'dialect' in journal ? journal.dialect : 'postgresql';
  if (dialect !== 'postgresql' && dialect !== 'pg') throw otherDialect(file, String(dialect));
  const entries = listed.filter(isEntry);
  const isWhole = entries.length === listed.length && areDifferent(entries.map(({ tag }) => tag));
  if (!isWhole) throw unreadable(file, faultsOf(listed));
  return entries;
}

function areDifferent(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

function faultsOf(listed: readonly unknown[]): string[] {
  const wrong = listed.flatMap((each, index) =>
    isEntry(each) ? [] : `entries[${index}] has no tag, or its when is not in milliseconds.`,
  );
  const byTag = Map.groupBy(listed.filter(isEntry), ({ tag }) => tag);
  const repeated = [...byTag].flatMap(([tag, [, another]]) =>
    another ? `${tag} is listed twice.` : [],
  );
  return [...wrong, ...repeated];
}

/** Checked by hand: zod takes as long for a thousand entries as reading a thousand files. */
function isEntry(value: unknown): value is JournalEntry {
  if (typeof value !== 'object' || value === null) return false;
  if (!('tag' in value) || typeof value.tag !== 'string' || value.tag === '') return false;
  const idx = 'idx' in value ? value.idx : undefined;
  return (
    'when' in value &&
    Number.isSafeInteger(value.when) &&
    (idx === undefined || Number.isSafeInteger(idx))
  );
}

function parseJson(file: string): object {
  try {
    const parsed: unknown = JSON.parse(withoutBom(readIfPresent(file) ?? ''));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch (error) {
    throw unreadable(file, [messageOf(error)]);
  }
}

function otherDialect(file: string, dialect: string) {
  return usageError(
    'FOLDER.DIALECT',
    `${shown(file)} is a journal for ${dialect}; dbops supports PostgreSQL only.`,
    'Pass the folder of the PostgreSQL migrations with --migrations DIR.',
  );
}

function unreadable(file: string, reason: string[]) {
  return usageError(
    'FOLDER.JOURNAL',
    `${shown(file)} is not a valid Drizzle journal.`,
    `It may contain conflict markers of a merge; check its changes: git log -p -- ${shown(file)}`,
    reason.slice(0, 5),
  );
}

interface JournalFolder {
  directory: string;
  journal: string;
  present: ReadonlySet<string>;
}

function toMigration(
  { directory, journal, present }: JournalFolder,
  { tag, idx, when }: JournalEntry,
): Migration {
  const file = `${directory}/${tag}.sql`;
  const source = readIfPresent(file);
  const version = idx === undefined ? undefined : String(idx);
  const row = { when };
  if (source === undefined) {
    const up = refusedScript(file, missingFile(file, journal));
    return { name: tag, version, hash: '', isMissing: true, up, row };
  }
  const up = drizzleScript(file, source);
  const downFile = `${tag}.down.sql`;
  const down = present.has(downFile)
    ? new LazyScript(`${directory}/${downFile}`, drizzleSqlOf)
    : undefined;
  return new FileMigration({ name: tag, version, source, up, down, row }, form);
}

const form: FileForm = { hashOf, otherHashesOf: hashesOfLineEndings };

function missingFile(file: string, journal: string): Flaw {
  return {
    code: 'missing-file',
    message: `${shown(journal)} lists ${shown(file)}, which does not exist: neither Drizzle nor dbops runs anything without it.`,
    help: `Commit it, or restore it if it was deleted: git log --diff-filter=D --oneline -- ${shown(file)}`,
  };
}

/** Reports files without an entry in the journal. */
function unlistedFiles(
  directory: string,
  entries: readonly JournalEntry[],
  names: readonly string[],
) {
  const tags = new Set(entries.map(({ tag }) => tag));
  const isListed = (name: string) =>
    tags.has(name.slice(0, -'.sql'.length)) ||
    (name.endsWith('.down.sql') && tags.has(name.slice(0, -'.down.sql'.length)));
  const unlisted = names.filter((name) => name.endsWith('.sql') && !isListed(name));
  return unlisted.map((name) =>
    findingOf({
      code: 'unlisted-file',
      severity: 'warning',
      name,
      message: `${shown(`${directory}/${name}`)} is not in the journal: neither Drizzle nor dbops runs it.`,
      help: 'Create an entry with drizzle-kit generate --custom and move its SQL there, or move the file out of the folder.',
    }),
  );
}

/** Reports migrations of 1.0, such as from an interrupted `drizzle-kit up` or a merged branch. */
function foldersOfVersion1(directory: string, names: readonly string[]): Finding[] {
  const folders = names.filter(
    (name) => /^\d{14}/.test(name) && existsSync(`${directory}/${name}/migration.sql`),
  );
  return folders.map((name) =>
    findingOf({
      code: 'unlisted-file',
      severity: 'warning',
      name,
      message: `${shown(`${directory}/${name}`)} is a migration of Drizzle 1.0 beside the journal of 0.x: 1.0 rejects such a folder, 0.x and dbops ignore the migration.`,
      help: 'Upgrade the whole folder with drizzle-kit 1.0: drizzle-kit up',
    }),
  );
}

/** Reports entries with the same number, which result from merging two branches. */
function twins(entries: readonly JournalEntry[]): Finding[] {
  if (areDifferent(entries.map(({ idx }) => idx))) return [];
  const byIndex = Map.groupBy(entries, ({ idx }) => idx);
  return [...byIndex].flatMap(([idx, [first, ...others]]) =>
    idx === undefined || !first
      ? []
      : others.map(({ tag }) =>
          findingOf({
            code: 'duplicate',
            severity: 'warning',
            name: tag,
            message: `${first.tag} and ${tag} both have idx ${idx}: they were generated on two branches that were merged.`,
            help: `Set the idx of ${tag} to the next free number in meta/_journal.json (an applied migration is matched by its when and remains applied), then check the order: drizzle-kit check`,
          }),
        ),
  );
}

/** Reports entries that Drizzle skips in a database where the entry before them is applied. */
function disorder(entries: readonly JournalEntry[]): Finding[] {
  const [first, ...others] = entries;
  let newest = first;
  return others.flatMap((entry) => {
    if (!newest || entry.when > newest.when) {
      newest = entry;
      return [];
    }
    return findingOf({
      code: 'journal-order',
      severity: 'info',
      name: entry.tag,
      message: `${entry.tag} is not newer than ${newest.tag}, which precedes it: where ${newest.tag} is applied, Drizzle silently skips ${entry.tag}. dbops applies it.`,
      help: `If it is not applied yet, set its when above ${newest.when} in meta/_journal.json. Otherwise no action is needed.`,
    });
  });
}

function fromTheFuture({ tag, when }: JournalEntry): Finding {
  return findingOf({
    code: 'future-entry',
    severity: 'warning',
    name: tag,
    message: `${tag} has a when in the future (${when}, ${timeOf(when)}): once it is applied, Drizzle skips every migration generated before then.`,
    help: 'Before it is applied, set its when in meta/_journal.json to the time of its commit.',
  });
}

function shown(file: string): string {
  return shellWord(relative(process.cwd(), file));
}
