import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import type { KyselyPackage } from '../../db/kysely.ts';
import type { Session } from '../../db/session.ts';
import { usageError } from '../../errors.ts';
import type { LoadModule } from '../format.ts';
import {
  asSeed,
  functionOf,
  importModule,
  isEmptyFunction,
  objectOf,
  withoutFunction,
} from './import-module.ts';
import { moduleConnection } from './module-connection.ts';

/**
 * Loads `up(db)` or `down(db)` as Kysely's Migrator does (kysely, `migration/migrator.ts` and
 * `migration/file-migration-provider.ts`). A module runs in a transaction unless a directive
 * disables it.
 */
export const loadKyselyModule: LoadModule = async (file, direction) => {
  const loaded = await importModule(file);
  const migrate = functionOf(loaded, direction);
  if (!migrate) throw withoutFunction(file, loaded, { direction, parameter: 'db' });
  return {
    isEmpty: isEmptyFunction(migrate),
    noTransaction: false,
    async run(session, inTransaction, opening) {
      // Loaded here because it takes longer to load than reading the folder.
      const { kyselyOver, kyselyWithin } = await import('../../db/kysely.ts');
      const connection = moduleConnection(session, inTransaction, opening && { opening });
      const kysely = kyselyOfProject(dirname(file)) ?? (await import('kysely'));
      return migrate(
        inTransaction ? kyselyWithin(connection, kysely) : kyselyOver(connection, kysely),
      );
    },
  };
};

/**
 * Loads `seed(db)` of a module, which runs in the caller's transaction.
 *
 * @throws usage error when it cannot be loaded, or exports no such function
 */
export async function loadSeedModule(file: string): Promise<(session: Session) => Promise<void>> {
  const loaded = await importModule(file, asSeed);
  const seed = [loaded, objectOf(loaded['default'])].map((each) => each['seed']).find(isFunction);
  if (!seed)
    throw usageError(
      'SEED.MODULE',
      `${basename(file)} exports no function seed(db).`,
      `Add the export to ${file}, then run dbops seed: export async function seed(db) { … }`,
    );
  const { kyselyWithin } = await import('../../db/kysely.ts');
  const kysely = kyselyOfProject(dirname(file)) ?? (await import('kysely'));
  return async (session) =>
    void (await seed(kyselyWithin(moduleConnection(session, true), kysely)));
}

function isFunction(value: unknown): value is (db: unknown) => unknown {
  return typeof value === 'function';
}

const installed = new Map<string, KyselyPackage | undefined>();

/**
 * Returns the Kysely that the modules of a directory import, if any: a version of Kysely may not run
 * what `sql` of another version builds.
 */
function kyselyOfProject(directory: string): KyselyPackage | undefined {
  if (!installed.has(directory)) installed.set(directory, find(directory));
  return installed.get(directory);
}

function find(directory: string): KyselyPackage | undefined {
  try {
    const found: unknown = createRequire(`${directory}/migration.js`)('kysely');
    return isKysely(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isKysely(value: unknown): value is KyselyPackage {
  const { Kysely, PostgresDialect } = objectOf(value);
  return typeof Kysely === 'function' && typeof PostgresDialect === 'function';
}
