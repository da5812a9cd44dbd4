import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from './config.ts';
import type { Declarations } from './declarations.ts';
import { DbopsError } from './errors.ts';

/**
 * Returns what the configuration declares. Where the migrations are the bundled ones, adds the bundled
 * backfills, which these need; where nothing is declared, returns all bundled declarations.
 */
export async function declaredOf(settings: Settings): Promise<Declarations> {
  const { declared } = settings;
  if (!(await isBundled(settings))) return declared;
  const { declarationsOf } = await import('./reference/declarations.ts');
  const bundled = declarationsOf(settings);
  const { verify, ...own } = declared;
  if (Object.keys(own).length === 0) return { ...bundled, ...(verify && { verify }) };
  return { ...(bundled.backfills && { backfills: bundled.backfills }), ...declared };
}

/** Returns whether the project's only migrations are the bundled ones. */
async function isBundled(settings: Settings): Promise<boolean> {
  try {
    const bundled = realpathSync(packagedMigrations());
    if (!mayFind(bundled, settings)) return false;
    const { findFolders } = await import('./formats/detect.ts');
    const [only, another] = findFolders(settings);
    return only !== undefined && !another && realpathSync(only.directory) === bundled;
  } catch (error) {
    if (error instanceof DbopsError) return false;
    throw error;
  }
}

/** Whether the search for a folder of migrations can lead to this one. The search itself loads every format. */
function mayFind(folder: string, { migrations, root }: Settings): boolean {
  const top = migrations ?? root;
  const places = [top, migrations ?? join(root, 'migrations')].filter((each) => existsSync(each));
  return places.some((place) => {
    const path = relative(realpathSync(place), folder);
    return (
      !isAbsolute(path) &&
      !/^\.\.(?:$|[/\\])/.test(path) &&
      !path.split(sep).includes('node_modules')
    );
  });
}

/** Returns what `dbops demo` inserts between two migrations. */
export const loadDemoSales = async () => (await import('./reference/demo-sales.ts')).sellForAWhile;

/** Returns the folder of the bundled migrations. @throws DbopsError when the package lacks it */
export function packagedMigrations(): string {
  const folder = fileURLToPath(new URL('../migrations', import.meta.url)); // from src and from dist
  if (existsSync(folder)) return folder;
  throw new DbopsError({
    code: 'DEMO.MIGRATIONS',
    exitCode: 1,
    message: 'The bundled migrations are missing from the dbops package.',
    hint: 'Reinstall dbops.',
  });
}
