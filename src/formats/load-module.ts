import { usageError } from '../errors.ts';
import type { Direction, ModuleScript } from '../migration.ts';
import type { Format, LoadedModule } from './format.ts';

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
