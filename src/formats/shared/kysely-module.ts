import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { KyselyPackage } from '../../db/kysely.ts';
import { usageError } from '../../errors.ts';
import type { LoadModule } from '../format.ts';
import { functionOf, importModule, objectOf } from './import-module.ts';
import { moduleConnection } from './module-connection.ts';
import { emptyModule, type ModuleStyle } from './new-migration.ts';

/**
 * `up(db)` and `down(db)` as Kysely's Migrator takes them (kysely, `migration/migrator.ts` and
 * `migration/file-migration-provider.ts`). A module is run in a transaction unless a directive
 * says otherwise.
 */
export const loadKyselyModule: LoadModule = async (file, direction) => {
  const migrate = functionOf(await importModule(file), direction);
  if (!migrate)
    throw usageError(
      'MIGRATION.MODULE',
      `${basename(file)} exports no function ${direction}(db).`,
      `Export one from ${file}.`,
    );
  return {
    noTransaction: false,
    async run(session, inTransaction) {
      // Not needed where nothing is pending, and it takes longer to load than the folder.
      const { kyselyOver, kyselyWithin } = await import('../../db/kysely.ts');
      const connection = moduleConnection(session, inTransaction);
      const kysely = kyselyOfProject(file) ?? (await import('kysely'));
      return migrate(
        inTransaction ? kyselyWithin(connection, kysely) : kyselyOver(connection, kysely),
      );
    },
  };
};

/**
 * The Kysely that the module itself imports: what `sql` of one version builds, another version may
 * not run. Nothing where it has none.
 */
function kyselyOfProject(file: string): KyselyPackage | undefined {
  try {
    const installed: unknown = createRequire(file)('kysely');
    return isKysely(installed) ? installed : undefined;
  } catch {
    return undefined;
  }
}

function isKysely(value: unknown): value is KyselyPackage {
  const { Kysely, PostgresDialect } = objectOf(value);
  return typeof Kysely === 'function' && typeof PostgresDialect === 'function';
}

/** A module to be filled in; without a style, in TypeScript. */
export function emptyKyselyModule(
  style: ModuleStyle = { ending: '.ts', isTypeScript: true, isCommonJs: false },
): string {
  const parameter = { name: 'db', type: 'Kysely<unknown>' };
  return emptyModule(style, parameter, "import type { Kysely } from 'kysely';\n");
}
