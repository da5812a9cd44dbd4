import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isFolderOfVersion1, readFolders } from './drizzle-folders.ts';
import { readJournal } from './drizzle-journal.ts';
import { hashOf } from './drizzle-script.ts';
import { placeOf } from './drizzle-table.ts';
import type { Format } from './format.ts';

/** What drizzle-kit 0.x writes beside its SQL files. */
const journal = 'meta/_journal.json';

/**
 * Drizzle. Of 0.x: `meta/_journal.json` with `<tag>.sql` beside it; of 1.0:
 * `<14 digits>_<name>/migration.sql` with `snapshot.json`. Either is tracked in
 * `drizzle.__drizzle_migrations`. Drizzle has no lock and no rollbacks: dbops reads
 * `<tag>.down.sql`, or `down.sql` in the migration's folder, where somebody wrote one.
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
      ? readJournal(directory, `${directory}/${journal}`, names, placeOf(trackingTable))
      : readFolders(directory, names, placeOf(trackingTable)),
  hashOf,
  downFile: ({ name, up }) =>
    basename(up.file) === 'migration.sql'
      ? join(dirname(up.file), 'down.sql')
      : join(dirname(up.file), `${name}.down.sql`),
};

function hasJournal(directory: string, names: readonly string[]): boolean {
  return names.includes('meta') && existsSync(`${directory}/${journal}`);
}
