import { basename, dirname } from 'node:path';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { readStatuses, type MigrationStatus } from '../runner/tracking-state.ts';

/** A migration to split, and the migrations of its folder before it. */
export interface FoundMigration {
  migration: Migration;
  applied: Migration[];
  /** Pending as well; they run first. */
  earlier: Migration[];
}

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
): Promise<FoundMigration> {
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
  const { migration } = status;
  const others = statuses.filter((each) => each !== status);
  const inState = (isPending: boolean) =>
    others.flatMap((each) => (isPendingState(each) === isPending && each.migration) || []);
  return { migration, applied: inState(false), earlier: inState(true) };
}

function isPendingState({ state }: MigrationStatus): boolean {
  return state === 'pending' || state === 'out-of-order';
}

/** Returns the name of a migration in a path: that of its directory where each has one. */
export function nameIn(path: string): string {
  const file = basename(path).replace(/(?:\.up)?\.sql$/, '');
  return file === 'migration' ? basename(dirname(path)) : file;
}

function assertPending(status: MigrationStatus, { name, up }: Migration): void {
  const { state } = status;
  if (!isPendingState(status))
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
