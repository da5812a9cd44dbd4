import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { usageError } from '../../errors.ts';
import { shellWord } from '../../output/shell.ts';
import { isFolderOfVersion1, readFolders } from './folders.ts';
import { readJournal } from './journal.ts';
import { hashOf } from './script.ts';
import { drizzleText, writtenMigration } from './written.ts';
import { drizzleTable, type DrizzleTable } from './table.ts';
import type { FolderContents, Format } from '../format.ts';

/** Written by drizzle-kit 0.x beside its SQL files. */
const journal = 'meta/_journal.json';

/**
 * Drizzle. Version 0.x: `meta/_journal.json` with `<tag>.sql` beside it; version 1.0:
 * `<14 digits>_<name>/migration.sql` with `snapshot.json`. Both are tracked in
 * `drizzle.__drizzle_migrations`. Drizzle has no lock and no rollbacks: dbops reads a hand-written
 * `<tag>.down.sql`, or `down.sql` in the migration's folder.
 *
 * Sources: drizzle-orm 0.45.4, migrator.js and pg-core/dialect.js; drizzle-orm 1.0.0-rc.5,
 * migrator.js, up-migrations/pg.js and pg-core/async/session.js.
 */
export const drizzle: Format = {
  name: 'drizzle',
  columns: [
    ['id', 'hash', 'created_at'],
    ['id', 'hash', 'created_at', 'name', 'applied_at'],
  ],
  matches: (directory, names) =>
    hasJournal(directory, names) || isFolderOfVersion1(directory, names),
  read: (directory, names, trackingTable) =>
    hasJournal(directory, names)
      ? readJournal(directory, `${directory}/${journal}`, names, drizzleTable(trackingTable))
      : readFoldersOf(directory, names, drizzleTable(trackingTable)),
  hashOf,
  downFile: ({ name, up }) =>
    basename(up.file) === 'migration.sql'
      ? join(dirname(up.file), 'down.sql')
      : join(dirname(up.file), `${name}.down.sql`),
  writtenFiles: writtenMigration,
  textOf: drizzleText,
  squash: async () => (await import('./squash.ts')).squashing,
  newCommand: (slug) => `Create the files with: npx drizzle-kit generate --custom --name=${slug}`,
};

/** @throws usage error when the folder is one of 0.x without its journal */
function readFoldersOf(
  directory: string,
  names: readonly string[],
  table: DrizzleTable,
): FolderContents {
  const contents = readFolders(directory, names, table);
  const isOfVersion0 = names.some((name) => name.endsWith('.sql'));
  if (contents.migrations.length > 0 || !isOfVersion0) return contents;
  const file = shellWord(`${directory}/${journal}`);
  throw usageError(
    'FOLDER.JOURNAL',
    `${directory} has SQL files, but no ${journal}, which lists the migrations that Drizzle runs.`,
    `Find the commit that deleted it, and restore it: git log --diff-filter=D --oneline -- ${file}`,
  );
}

function hasJournal(directory: string, names: readonly string[]): boolean {
  return names.includes('meta') && existsSync(`${directory}/${journal}`);
}
