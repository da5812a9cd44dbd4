import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageError } from '../../errors.ts';
import type { Migration } from '../../migration.ts';
import { shellWord } from '../../output/shell.ts';
import type { Finding } from '../../report.ts';
import type { Format } from '../format.ts';
import { commentOf, datedNameAfter, assertSqlOnly } from '../shared/new-migration.ts';
import { prismaTrackingIn } from './tracking.ts';
import { byLocale } from '../shared/module-files.ts';
import {
  FileMigration,
  type FileForm,
  digest,
  readIfPresent,
  scriptIfPresent,
  sqlScript,
} from '../shared/script.ts';
import { readText } from '../../text-file.ts';

const lockFile = 'migration_lock.toml';

/**
 * Prisma Migrate: `<14 digits>_<name>/migration.sql` beside `migration_lock.toml`, in the order of
 * the directories' names (prisma, `packages/migrate/src/utils/listMigrations.ts`). A `down.sql` in
 * a directory, as `prisma migrate diff` writes it, is its rollback.
 */
export const prisma: Format = {
  name: 'prisma',
  columns: [
    [
      'id',
      'checksum',
      'finished_at',
      'migration_name',
      'logs',
      'rolled_back_at',
      'started_at',
      'applied_steps_count',
    ],
  ],
  matches: (directory, names) =>
    names.includes(lockFile) || isMigration(directory, names.find(isDirectoryName)),
  read(directory, names, trackingTable) {
    if (names.includes(lockFile)) assertPostgresProvider(`${directory}/${lockFile}`);
    const migrations: Migration[] = [];
    const findings: Finding[] = [];
    for (const name of names.filter((each) => each !== lockFile).toSorted(byLocale)) {
      const source = readIfPresent(`${directory}/${name}/migration.sql`);
      if (source !== undefined) migrations.push(toMigration(directory, name, source));
      else if (statSync(`${directory}/${name}`).isDirectory())
        findings.push(withoutFile(directory, name));
    }
    return { migrations, findings, tracking: prismaTrackingIn(trackingTable?.schema) };
  },
  hashOf: checksum,
  hostLock: { kind: 'advisory', key: 72707369n },
  runsStatementAlone: true,
  downFile: ({ up }) => `${dirname(up.file)}/down.sql`,
  squash: async () => (await import('../shared/squashed.ts')).directories,
  newFiles(request) {
    assertSqlOnly(request, 'Prisma');
    return { [`${datedNameAfter(request)}/migration.sql`]: commentOf(request.title) };
  },
};

function isDirectoryName(name: string): boolean {
  return !name.includes('.') && /^\d+_./.test(name); // the faster test first: called for every file
}

/** Returns whether a directory is a migration of Prisma; Drizzle's have snapshots. */
function isMigration(directory: string, name: string | undefined): boolean {
  if (name === undefined || existsSync(`${directory}/${name}/snapshot.json`)) return false;
  return existsSync(`${directory}/${name}/migration.sql`);
}

function assertPostgresProvider(file: string): void {
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(readText(file))?.[1];
  if (provider === undefined || provider === 'postgresql') return;
  throw usageError(
    'FOLDER.PROVIDER',
    `${dirname(file)} contains migrations for ${provider}, not for PostgreSQL.`,
    `Pass another folder with --migrations DIR; ${lockFile} names the database of a folder.`,
  );
}

function toMigration(directory: string, name: string, source: string): Migration {
  const up = sqlScript(`${directory}/${name}/migration.sql`, source);
  return new FileMigration({ name, source, up }, form);
}

const form: FileForm = {
  hashOf: checksum,
  otherHashesOf: (source) =>
    [source.replaceAll('\r\n', '\n'), source.replaceAll('\n', '\r\n')].map(checksum),
  downOf: ({ file }) => scriptIfPresent(`${dirname(file)}/down.sql`),
};

/** Returns the SHA-256, in hex, of the text including a BOM and its line endings (prisma-engines, `checksum.rs`). */
function checksum(source: string): string {
  return digest('sha256', source);
}

/** Reports a directory without a file, at which `prisma migrate deploy` stops (P3015). */
function withoutFile(directory: string, name: string): Finding {
  const path = `${directory}/${name}`;
  const shown = shellWord(path);
  const isEmpty = readdirSync(path).length === 0;
  const away = isEmpty
    ? `delete the directory: rmdir ${shown}`
    : `move the directory out of the folder: mv ${shown} ${shellWord(dirname(directory))}`;
  return {
    code: 'empty-directory',
    severity: 'error',
    message: `${name} has no migration.sql: prisma migrate deploy rejects the whole folder (P3015).`,
    help: `Restore the file (git log --diff-filter=D -- ${shown}), or ${away}`,
    where: { object: name },
    key: `empty-directory:${name}`,
  };
}
