import { DbopsError, usageError } from '../errors.ts';
import type { Direction, Migration, ModuleScript, Script } from '../migration.ts';
import type { Format, LoadedModule } from './format.ts';
import { hasStatement } from '../sql/statements.ts';
import { downIsAbsent } from './shared/import-module.ts';

/** Loads a module as its tool would. @throws usage error when it cannot be loaded, see `LoadModule` */
export async function loadModule(
  { name, loadModule: load }: Format,
  { file, inherits }: ModuleScript,
  direction: Direction,
): Promise<LoadedModule> {
  if (load) return load(file, direction, inherits);
  throw usageError(
    'MIGRATION.MODULE',
    `${name} migrations are SQL files; modules are not supported.`,
    `Move ${file} out of the folder.`,
  );
}

/** Returns whether a script has only comments, as in the template of a tool. @throws as `loadModule`, or `readText` */
export async function isEmptyScript(
  format: Format,
  script: Script,
  direction: Direction,
): Promise<boolean> {
  if (script.kind === 'sql') return !hasStatement(script.sql);
  return (await loadModule(format, script, direction)).isEmpty;
}

/**
 * Removes the `down` of migrations that has only comments, or that their module does not export, so
 * that it is generated from the schema. Only a loaded module shows what it exports. One that exports
 * `down = false` keeps it, and running it is an error.
 */
export async function removeMissingDowns(
  format: Format,
  migrations: readonly Migration[],
): Promise<void> {
  for (const migration of migrations) {
    const { down } = migration;
    if (down && (await isAbsent(format, down))) migration.down = undefined;
  }
}

/** An error of another kind is reported by what runs the script. */
async function isAbsent(format: Format, down: Script): Promise<boolean> {
  try {
    return await isEmptyScript(format, down, 'down');
  } catch (error) {
    return error instanceof DbopsError && error.code === downIsAbsent;
  }
}
