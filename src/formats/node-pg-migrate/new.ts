import type { NewMigration } from '../format.ts';
import {
  commentOf,
  emptyModule,
  milliseconds,
  moduleStyleOf,
  prefixAfter,
  slugOf,
} from '../shared/new-migration.ts';

/**
 * Returns the files of a new migration in the style of the folder's last one; in an empty folder, SQL
 * with sections and a number in milliseconds, as `node-pg-migrate create -j sql` creates it.
 */
export function newPgMigration(request: NewMigration): Record<string, string> {
  const last = request.migrations.at(-1);
  const prefix = prefixAfter(last?.name, request.now, milliseconds);
  const separator = /^\d+-/.test(last?.name ?? '') ? '-' : '_';
  const stem = `${prefix}${separator}${slugOf(request.title)}`;
  if (request.module || last?.up.kind === 'module') return newModule(stem, request);
  if (!last?.up.file.endsWith('.up.sql'))
    return { [`${stem}.sql`]: '-- Up Migration\n\n\n-- Down Migration\n\n' };
  return {
    [`${stem}.up.sql`]: commentOf(request.title),
    [`${stem}.down.sql`]: commentOf(`undoes: ${request.title}`),
  };
}

function newModule(stem: string, request: NewMigration): Record<string, string> {
  const style = moduleStyleOf(request);
  const parameter = { name: 'pgm', type: 'MigrationBuilder' };
  const head = "import type { MigrationBuilder } from 'node-pg-migrate';\n";
  return { [`${stem}${style.ending}`]: emptyModule(style, parameter, head) };
}
