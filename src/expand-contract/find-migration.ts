import { basename, dirname } from 'node:path';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { readStatuses, type MigrationStatus } from '../runner/tracking-state.ts';

/**
 * Returns the migration to split: the last of the folder, pending, and written in SQL.
 *
 * @param wanted its name, or the path of its file
 * @throws usage error for any other migration
 */
export async function findMigration(
  session: Session,
  folder: Folder,
  wanted: string,
): Promise<Migration> {
  const name = nameIn(wanted);
  const statuses = await readStatuses(session, folder);
  const status = statuses.find(
    (each) =>
      each.name === name || each.name === wanted || each.name.replace(/\.sql$/, '') === name,
  );
  if (!status?.migration)
    throw refusal(
      'UNKNOWN',
      `The folder has no migration ${name}.`,
      'List its migrations: dbops migrate status',
    );
  assertPending(status, status.migration);
  assertLast(folder, status.migration);
  return status.migration;
}

/** Returns the name of a migration in a path: that of its directory where each has one. */
function nameIn(path: string): string {
  const file = basename(path).replace(/(?:\.up)?\.sql$/, '');
  return file === 'migration' ? basename(dirname(path)) : file;
}

function assertPending({ state }: MigrationStatus, { name, up }: Migration): void {
  if (state !== 'pending' && state !== 'out-of-order')
    throw refusal(
      'APPLIED',
      `${name} is ${state} on this database; applied migrations are not rewritten.`,
      'Create a new migration instead: dbops migrate new NAME',
    );
  if (up.kind !== 'sql')
    throw refusal(
      'MODULE',
      `${name} is a module; only SQL migrations can be split.`,
      'Rewrite the migration in SQL.',
    );
}

function assertLast({ migrations }: Folder, { name }: Migration): void {
  const last = migrations.at(-1)?.name;
  if (last === name) return;
  throw refusal(
    'NOT_LAST',
    `${name} is not the last migration: its constraints would be enforced after the migrations that follow it.`,
    `Split the last migration, ${last ?? ''}, or make this one the last.`,
  );
}

function refusal(code: string, message: string, hint: string) {
  return usageError(`EXPAND.${code}`, message, hint);
}
