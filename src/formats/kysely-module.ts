import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Kysely } from 'kysely';
import { kyselyOf, kyselyWithin } from '../db/kysely.ts';
import { usageError } from '../errors.ts';
import type { LoadModule } from './format.ts';

/**
 * `up(db)` and `down(db)` as Kysely's Migrator takes them (kysely, `migration/migrator.ts`); Node
 * strips the types of a `.ts` file. A module is run in a transaction unless a directive says
 * otherwise.
 */
export const loadKyselyModule: LoadModule = async (file, direction) => {
  const loaded = await importModule(file);
  const migrate = loaded[direction];
  if (typeof migrate !== 'function')
    throw usageError(
      'MIGRATION.MODULE',
      `${basename(file)} exports no function ${direction}(db).`,
      `Export one from ${file}.`,
    );
  return {
    noTransaction: false,
    run: async (session, inTransaction) =>
      (migrate as Migrate)(inTransaction ? kyselyWithin(session) : kyselyOf(session)),
  };
};

type Migrate = (db: Kysely<unknown>) => Promise<unknown>;

/** What a module exports. @throws usage error when it can't be loaded */
export function importModule(file: string): Promise<Record<string, unknown>> {
  return import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw usageError(
      'MIGRATION.MODULE',
      `${basename(file)} can not be loaded.`,
      `Correct ${file}.`,
      [String(cause)],
    );
  });
}
