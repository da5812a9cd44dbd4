import { DbopsError, usageError } from '../errors.ts';
import type { Direction, Migration, ModuleScript } from '../migration.ts';
import type { Format, LoadedModule } from './format.ts';
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

/**
 * Removes the `down` of migrations whose module exports none, so that it is generated from the schema.
 * Only a loaded module shows what it exports. One that exports `down = false` keeps it, and running it
 * is an error.
 */
export async function removeMissingDowns(
  format: Format,
  migrations: readonly Migration[],
): Promise<void> {
  for (const migration of migrations) {
    const { down } = migration;
    if (down?.kind === 'module' && (await isAbsent(format, down))) delete migration.down;
  }
}

/** An error of another kind is reported by what runs the module. */
async function isAbsent(format: Format, down: ModuleScript): Promise<boolean> {
  try {
    await loadModule(format, down, 'down');
    return false;
  } catch (error) {
    return error instanceof DbopsError && error.code === downIsAbsent;
  }
}
