import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Kysely } from 'kysely';
import { usageError } from '../errors.ts';
import type { Direction } from '../migration.ts';

export type Migrate = (db: Kysely<unknown>) => Promise<unknown>;

/**
 * The exported `up(db)` or `down(db)` of a module; Node strips the types of a `.ts` file.
 *
 * @throws usage error when the module can't be loaded or exports no such function
 */
export async function loadMigrate(file: string, direction: Direction): Promise<Migrate> {
  const loaded: Record<string, unknown> = await import(pathToFileURL(file).href).catch(
    (cause: unknown) => {
      throw usageError(
        'MIGRATION.MODULE',
        `${basename(file)} can not be loaded.`,
        `Correct ${file}.`,
        [String(cause)],
      );
    },
  );
  const found = loaded[direction];
  if (typeof found === 'function') return found as Migrate;
  throw usageError(
    'MIGRATION.MODULE',
    `${basename(file)} exports no function ${direction}(db).`,
    `Export one from ${file}.`,
  );
}
