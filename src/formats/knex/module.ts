import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import type { Knex } from 'knex';
import type pg from 'pg';
import { underUserPath } from '../../db/search-path.ts';
import type { Session } from '../../db/session.ts';
import { usageError } from '../../errors.ts';
import type { Direction } from '../../migration.ts';
import type { LoadedModule } from '../format.ts';
import { functionOf, importModule, isEmptyFunction, objectOf } from '../shared/import-module.ts';
import { loadKnexfile, type KnexSettings } from './knexfile.ts';
import { runWithin } from './transaction.ts';
import { moduleConnection, type ModuleConnection } from '../shared/module-connection.ts';

/**
 * Loads `up(knex)` or `down(knex)`, with the project's own knex and the settings of its knexfile
 * (knex, `lib/migrations/migrate/Migrator.js`). `config.transaction` of a module overrides
 * `disableTransactions` of the knexfile.
 *
 * @param isTableNamed whether the command line or the configuration names the tracking table
 */
export async function loadKnexModule(
  file: string,
  direction: Direction,
  isTableNamed: boolean,
): Promise<LoadedModule> {
  const directory = dirname(file);
  const [packages, settings, loaded] = await Promise.all([
    packagesOf(directory),
    loadKnexfile(directory, isTableNamed),
    importModule(file),
  ]);
  const [up, down] = [functionOf(loaded, 'up'), functionOf(loaded, 'down')];
  if (!up || !down)
    throw usageError(
      'MIGRATION.MODULE',
      `${basename(file)} exports no function ${up ? 'down' : 'up'}(knex).`,
      `Add the export to ${file}: knex requires both.`,
    );
  const migrate = direction === 'up' ? up : down;
  return {
    isEmpty: isEmptyFunction(migrate),
    noTransaction: !wantsTransaction(loaded, settings),
    async run(session, inTransaction, opening) {
      await assertSearchPath(session, settings);
      const { types } = packages;
      const connection = moduleConnection(session, inTransaction, {
        ...(opening && { opening }),
        ...(types && { parsers: types }),
      });
      const over = (to: ModuleConnection) => knexOver(to, session, packages, settings);
      if (!inTransaction) return migrate(over(connection));
      return runWithin(session, { settings, to: connection, knexOver: over }, migrate);
    },
  };
}

function wantsTransaction(
  loaded: Record<string, unknown>,
  { disableTransactions }: KnexSettings,
): boolean {
  const own = [loaded, objectOf(loaded['default'])].map(
    (each) => objectOf(each['config'])['transaction'],
  );
  const configured = own.find((value) => typeof value === 'boolean');
  return configured ?? !disableTransactions;
}

type CreateKnex = (config: Knex.Config) => Knex;

/** The packages of a project. */
interface Packages {
  knex: CreateKnex;
  /** The parsers of its pg, which its knexfile may change. */
  types?: typeof pg.types;
}

const installed = new Map<string, Packages>();

/** @throws usage error when knex is not installed in the project of the migrations */
function packagesOf(directory: string): Packages {
  const known = installed.get(directory);
  if (known) return known;
  const require = createRequire(`${directory}/migration.js`);
  const load = (name: string): unknown => {
    try {
      return require(name);
    } catch {
      return undefined;
    }
  };
  const knex = load('knex');
  if (!isKnex(knex))
    throw usageError(
      'MIGRATION.KNEX',
      `knex is not installed for ${directory}.`,
      'Install it in the project of the migrations: npm install knex',
    );
  const driver = load('pg');
  const found = { knex, ...(isDriver(driver) && { types: driver.types }) };
  installed.set(directory, found);
  return found;
}

function isKnex(value: unknown): value is CreateKnex {
  return typeof value === 'function' && 'Client' in value;
}

function isDriver(value: unknown): value is typeof pg {
  return typeof objectOf(objectOf(value)['types'])['getTypeParser'] === 'function';
}

/** Returns a knex without a pool, which sends every query to one connection. */
function knexOver(
  connection: ModuleConnection,
  { server }: Session,
  { knex }: Packages,
  { options }: KnexSettings,
): Knex {
  const instance = knex({ ...options, client: 'pg', version: server.version });
  instance.client.acquireConnection = async () => connection;
  instance.client.releaseConnection = async () => {};
  return instance;
}

/** Requires the search_path of the knexfile, on which knex creates and finds its tables. */
async function assertSearchPath(session: Session, { searchPath }: KnexSettings): Promise<void> {
  if (searchPath.length === 0) return;
  const names = searchPath.flatMap((each) => each.split(',')).map((each) => each.trim());
  const [path] = await underUserPath<{ given: string[] }>(
    session,
    'SELECT pg_catalog.current_schemas(false)::pg_catalog.text[] AS given',
  );
  const [there] = await session.query<{ wanted: string[] }>(
    `SELECT ARRAY(SELECT nspname::text FROM unnest($1::text[]) WITH ORDINALITY wanted (name, place)
         JOIN pg_namespace ON nspname = replace(name, '$user', current_user) ORDER BY place) AS wanted`,
    [names],
  );
  const given = path?.given ?? [];
  if (there?.wanted.join() === given.join()) return;
  throw usageError(
    'MIGRATION.KNEXFILE',
    `The search_path of the knexfile is ${names.join(', ')}, but that of this connection is ${given.join(', ')}.`,
    `Set the search_path of the connection: add options=-csearch_path%3D${names.join(',')} to its URL.`,
  );
}
