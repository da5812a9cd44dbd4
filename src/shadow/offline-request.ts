import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { parse } from '../sql/statements.ts';
import type { Wanted } from './replay-cache-key.ts';
import type { ReplayContext } from './replay-request.ts';
import { databasesNamedIn } from './target-names.ts';

/**
 * Returns the request to replay all migrations of a folder without its database. The roles that the
 * migrations mention are read from their statements, because a role belongs to the server.
 */
export async function offlineRequest(
  { settings, signal, progress }: ReplayContext,
  { format, migrations }: Folder,
): Promise<Wanted> {
  const roles = new Set<string>();
  for (const migration of migrations) for (const name of await rolesOf(migration)) roles.add(name);
  const [database = 'postgres'] = databasesNamedIn(migrations);
  return {
    format,
    migrations,
    targetNames: { database, roles: [...roles].toSorted() },
    scope: settings.scope,
    environment: settings.environment,
    server: settings.shadow,
    signal,
    onReplay: () =>
      progress.update(`replaying ${migrations.length} migrations in a shadow database`),
  };
}

/** A file that the grammar rejects is reported by its replay. */
async function rolesOf({ up, isMissing }: Migration): Promise<string[]> {
  if (isMissing || up.kind === 'module') return [];
  const names: string[] = [];
  collect(await parse(up.sql).catch(() => []), names);
  return names.filter((name) => !name.startsWith('pg_'));
}

function collect(node: unknown, names: string[]): void {
  if (typeof node !== 'object' || node === null) return;
  if ('roletype' in node && 'rolename' in node && typeof node.rolename === 'string')
    names.push(node.rolename);
  for (const child of Object.values(node)) collect(child, names);
}
