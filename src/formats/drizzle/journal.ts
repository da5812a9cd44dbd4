import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { messageOf, usageError } from '../../errors.ts';
import type { Migration } from '../../migration.ts';
import { shellWord } from '../../output/shell.ts';
import type { Finding } from '../../report.ts';
import { drizzleScript, hashesOfLineEndings, hashOf, lazyDrizzleScript } from './script.ts';
import { trackingOf } from './rows.ts';
import { findingOf as flawOf, refusedScript, type Flaw } from '../shared/flaw.ts';
import { findingOf, isFuture, timeOf } from './finding.ts';
import type { DrizzleTable } from './table.ts';
import type { FolderContents } from '../format.ts';
import { readIfPresent, withoutBom } from '../shared/script.ts';

interface Entry {
  idx?: number;
  /** Milliseconds since 1970, when drizzle-kit generated the file: what Drizzle goes by. */
  when: number;
  tag: string;
}

/**
 * Reads a folder of Drizzle 0.x: the journal's entries in their order. Like Drizzle, it takes no
 * other file for a migration.
 *
 * @throws usage error when the journal can't be read, or is of another database system
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

function parseJournal(file: string): Entry[] {
  const journal = parseJson(file);
  const listed =
    'entries' in journal && Array.isArray(journal.entries) ? journal.entries : undefined;
  if (!listed) throw unreadable(file, ['It has no list of entries.']);
  const dialect = 'dialect' in journal ? journal.dialect : 'postgresql';
  if (dialect !== 'postgresql' && dialect !== 'pg') throw otherDialect(file, String(dialect));
  const wrong = listed.flatMap((each, index) =>
    isEntry(each) ? [] : `entries[${index}] has no tag, or no when in milliseconds.`,
  );
  const entries = listed.filter(isEntry);
  const repeated = [...Map.groupBy(entries, ({ tag }) => tag)].flatMap(([tag, [, another]]) =>
    another ? `${tag} is listed twice.` : [],
  );
  if (wrong.length + repeated.length > 0) throw unreadable(file, [...wrong, ...repeated]);
  return entries;
}

/** By hand: zod takes as long for a thousand entries as reading a thousand files. */
function isEntry(value: unknown): value is Entry {
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
    `${shown(file)} is the journal of migrations for ${dialect}; dbops operates PostgreSQL.`,
    'Name the folder of the PostgreSQL migrations with --migrations DIR.',
  );
}

function unreadable(file: string, reason: string[]) {
  return usageError(
    'FOLDER.JOURNAL',
    `${shown(file)} is not a journal that Drizzle could read.`,
    `A merge may have left its marks in it; see what changed: git log -p -- ${shown(file)}`,
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
  { tag, idx, when }: Entry,
): Migration {
  const file = `${directory}/${tag}.sql`;
  const source = readIfPresent(file);
  const identity = {
    name: tag,
    row: { when },
    ...(idx !== undefined && { version: String(idx) }),
  };
  if (source === undefined)
    return {
      ...identity,
      hash: '',
      isMissing: true,
      up: refusedScript(file, missingFile(file, journal)),
    };
  const down = `${tag}.down.sql`;
  return {
    ...identity,
    hash: hashOf(source),
    get otherHashes() {
      return hashesOfLineEndings(source);
    },
    up: drizzleScript(file, source),
    ...(present.has(down) && { down: lazyDrizzleScript(`${directory}/${down}`) }),
  };
}

function missingFile(file: string, journal: string): Flaw {
  return {
    code: 'missing-file',
    message: `${shown(journal)} lists ${shown(file)}, but there is no such file: neither Drizzle nor dbops runs anything without it.`,
    help: `It may not have been committed, or was deleted: git log --diff-filter=D --oneline -- ${shown(file)}`,
  };
}

/** Files that somebody, or an agent, wrote and never entered in the journal. */
function unlistedFiles(directory: string, entries: readonly Entry[], names: readonly string[]) {
  const listed = new Set(entries.flatMap(({ tag }) => [`${tag}.sql`, `${tag}.down.sql`]));
  const unlisted = names.filter((name) => name.endsWith('.sql') && !listed.has(name));
  return unlisted.map((name) =>
    findingOf({
      code: 'unlisted-file',
      severity: 'warning',
      name,
      message: `${shown(`${directory}/${name}`)} is not in the journal: neither Drizzle nor dbops runs it.`,
      help: 'Make an entry with drizzle-kit generate --custom and move its SQL there, or move the file out of the folder.',
    }),
  );
}

/** A folder that `drizzle-kit up` has begun, or a branch of 1.0 merged into one of 0.x. */
function foldersOfVersion1(directory: string, names: readonly string[]): Finding[] {
  const folders = names.filter(
    (name) => /^\d{14}/.test(name) && existsSync(`${directory}/${name}/migration.sql`),
  );
  return folders.map((name) =>
    findingOf({
      code: 'unlisted-file',
      severity: 'warning',
      name,
      message: `${shown(`${directory}/${name}`)} is a migration of Drizzle 1.0 beside the journal of 0.x: 1.0 refuses such a folder, 0.x and dbops leave it out.`,
      help: 'Upgrade the whole folder with the drizzle-kit of 1.0: drizzle-kit up',
    }),
  );
}

/** Two branches that each generated the next number, merged. */
function twins(entries: readonly Entry[]): Finding[] {
  const byIndex = Map.groupBy(entries, ({ idx }) => idx);
  return [...byIndex].flatMap(([idx, [first, ...others]]) =>
    idx === undefined || !first
      ? []
      : others.map(({ tag }) =>
          findingOf({
            code: 'duplicate',
            severity: 'warning',
            name: tag,
            message: `${first.tag} and ${tag} both have the idx ${idx}: two branches were merged, and each was generated without knowing of the other.`,
            help: `Give ${tag} the next free idx in meta/_journal.json (what is applied is found by its when and stays applied), and look at the order: drizzle-kit check`,
          }),
        ),
  );
}

/** Entries that Drizzle leaves out wherever an earlier one is applied already. */
function disorder(entries: readonly Entry[]): Finding[] {
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
      message: `${entry.tag} is not newer than ${newest.tag}, which precedes it: where that one is applied, Drizzle skips ${entry.tag} for ever, without a word. dbops applies it.`,
      help: `Nothing needs to be done where it is applied. Before it is, give it a when above ${newest.when} in meta/_journal.json.`,
    });
  });
}

function fromTheFuture({ tag, when }: Entry): Finding {
  return findingOf({
    code: 'future-entry',
    severity: 'warning',
    name: tag,
    message: `${tag} was generated in the future (when ${when}, ${timeOf(when)}): once it is applied, Drizzle skips everything that is generated until then.`,
    help: 'Before it is applied, correct its when in meta/_journal.json to the time of its commit.',
  });
}

function shown(file: string): string {
  return shellWord(relative(process.cwd(), file));
}
