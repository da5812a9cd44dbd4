import { existsSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type { Migration } from '../../migration.ts';
import { shellWord } from '../../output/shell.ts';
import type { Finding } from '../../report.ts';
import { findingOf } from './finding.ts';
import { trackingOf } from './names.ts';
import { drizzleScript, drizzleSqlOf, hashesOfLineEndings, hashOf } from './script.ts';
import { byLocale } from '../shared/module-files.ts';
import { FileMigration, type FileForm, readIfPresent, scriptIfPresent } from '../shared/script.ts';
import type { DrizzleTable } from './table.ts';
import type { FolderContents } from '../format.ts';

const dated = /^\d{14}/;

/** The number of entries checked: any entry of such a folder would match, and others have thousands. */
const enough = 50;

/** Returns whether a folder is one of 1.0. Prisma's has a lock file and no snapshots. */
export function isFolderOfVersion1(directory: string, names: readonly string[]): boolean {
  return (
    !names.includes('migration_lock.toml') &&
    names
      .values()
      .take(enough)
      .some(
        (name) =>
          dated.test(name) &&
          existsSync(`${directory}/${name}/snapshot.json`) &&
          existsSync(`${directory}/${name}/migration.sql`),
      )
  );
}

/** Reads a folder of Drizzle 1.0: each folder with a `migration.sql`, in Drizzle's order. */
export function readFolders(
  directory: string,
  names: readonly string[],
  table: DrizzleTable,
): FolderContents {
  const migrations: Migration[] = [];
  const findings: Finding[] = [];
  for (const name of names.toSorted(byLocale)) {
    const source = readIfPresent(`${directory}/${name}/migration.sql`);
    if (source === undefined) findings.push(...strangers(directory, name));
    else if (dated.test(name)) migrations.push(toMigration(directory, name, source));
    else findings.push(undated(directory, name));
  }
  return { migrations, findings, tracking: trackingOf(migrations, table) };
}

function toMigration(directory: string, name: string, source: string): Migration {
  const up = drizzleScript(`${directory}/${name}/migration.sql`, source);
  return new FileMigration({ name, source, up }, form);
}

const form: FileForm = {
  hashOf,
  otherHashesOf: hashesOfLineEndings,
  downOf: ({ file }) => scriptIfPresent(`${dirname(file)}/down.sql`, drizzleSqlOf),
  rowOf: (name) => ({ when: timeOfName(name) }),
};

/** Returns the time of `20260102030405_name` in milliseconds since 1970. */
function timeOfName(name: string): number {
  const [year = 0, month = 1, day, hour, minute, second] = [0, 4, 6, 8, 10, 12].map((from) =>
    Number(name.slice(from, from === 0 ? 4 : from + 2)),
  );
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function undated(directory: string, name: string): Finding {
  return findingOf({
    code: 'folder-without-time',
    severity: 'error',
    name,
    message: `${shown(`${directory}/${name}`)} does not start with a time of 14 digits: Drizzle cannot record it, and dbops ignores it.`,
    help: `Rename it, for example to 20260102030405_${name}, or move it out of the folder.`,
  });
}

/** Reports entries that look like migrations, but are not. */
function strangers(directory: string, name: string): Finding[] {
  if (name.endsWith('.sql'))
    return [
      findingOf({
        code: 'unlisted-file',
        severity: 'warning',
        name,
        message: `${shown(`${directory}/${name}`)} is not in a migration folder: neither Drizzle nor dbops runs it.`,
        help: 'Create a migration with drizzle-kit generate --custom and move its SQL there, or move the file out of the folder.',
      }),
    ];
  if (!dated.test(name)) return [];
  return [
    findingOf({
      code: 'missing-file',
      severity: 'error',
      name,
      message: `${shown(`${directory}/${name}`)} has no migration.sql: Drizzle and dbops ignore it.`,
      help: `Restore its file: git log --diff-filter=D --oneline -- ${shown(`${directory}/${name}/migration.sql`)}`,
    }),
  ];
}

function shown(file: string): string {
  return shellWord(relative(process.cwd(), file));
}
