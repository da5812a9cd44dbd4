import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DbopsError } from './errors.ts';

/** The bundled application: the only module that imports `src/reference`. */
export { reference as defaultApplication } from './reference/index.ts';

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
