import { usageError } from '../errors.ts';
import type { Direction, ModuleScript } from '../migration.ts';
import type { Format, LoadedModule } from './format.ts';

/** Loads a module as its tool would. @throws usage error when it can't be loaded, see `LoadModule` */
export async function loadModule(
  { name, loadModule: load }: Format,
  { file, inherits }: ModuleScript,
  direction: Direction,
): Promise<LoadedModule> {
  if (load) return load(file, direction, inherits);
  throw usageError(
    'MIGRATION.MODULE',
    `The format ${name} has no modules.`,
    `Take ${file} out of the folder.`,
  );
}
