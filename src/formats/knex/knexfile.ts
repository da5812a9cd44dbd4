import { basename } from 'node:path';
import { usageError } from '../../errors.ts';
import { importModule, objectOf } from '../shared/import-module.ts';
import { configAbove, literalOf } from '../shared/module-files.ts';
import { textOf, type TrackingTableName } from '../shared/tracking-table.ts';
import { readText } from '../shared/script.ts';

/** Where knex keeps what it has run. */
export interface KnexTables extends TrackingTableName {
  lock: string;
}

/** What a knexfile says about how migrations are run. */
export interface KnexSettings {
  /** Options for knex itself that change what a migration makes, such as `wrapIdentifier`. */
  options: Record<string, unknown>;
  searchPath: string[];
  /** `migrations.disableTransactions` */
  disableTransactions: boolean;
}

export function findKnexfile(directory: string): string | undefined {
  return configAbove(directory, /^knexfile\.(?:[cm]?js|ts)$/);
}

/** The tables, as far as the text of a knexfile spells them out. */
export function tablesIn(source: string): KnexTables {
  const table = literalOf(source, 'tableName') ?? 'knex_migrations';
  const schema = literalOf(source, 'schemaName');
  return { table, lock: `${table}_lock`, ...(schema && { schema }) };
}

/** The tables that somebody names instead; without a schema, in that of the knexfile. */
export function tablesNamed({ schema, table }: TrackingTableName, source: string): KnexTables {
  const own = schema ?? tablesIn(source).schema;
  return { table, lock: `${table}_lock`, ...(own && { schema: own }) };
}

/** `loadExtensions: ['.js']`: the files that knex looks at. */
export function extensionsIn(source: string): string[] | undefined {
  const list = /\bloadExtensions\s*:\s*\[([^\]]*)\]/.exec(source)?.[1];
  return list?.match(/\.\w+/g) ?? undefined;
}

const settingsByFolder = new Map<string, Promise<KnexSettings>>();

/**
 * Runs the knexfile of a folder, as knex does: for NODE_ENV, or else `development`.
 *
 * @param isTableNamed somebody has named the table: what the knexfile computes does not matter
 * @throws usage error when it can't be loaded, is another database's, or computes other tables
 *   than its text spells out
 */
export function loadKnexfile(directory: string, isTableNamed: boolean): Promise<KnexSettings> {
  const key = `${isTableNamed} ${directory}`;
  const known = settingsByFolder.get(key);
  if (known) return known;
  const fresh = readKnexfile(findKnexfile(directory), isTableNamed);
  settingsByFolder.set(key, fresh);
  return fresh;
}

async function readKnexfile(
  file: string | undefined,
  isTableNamed: boolean,
): Promise<KnexSettings> {
  if (!file) return settingsOf({});
  const config = await evaluate(file);
  assertPostgresClient(file, config);
  if (!isTableNamed) assertLiteralTables(file, config);
  return settingsOf(config);
}

/** As knex's own command line does (knex, `bin/utils/cli-config-utils.js`). */
async function evaluate(file: string): Promise<Record<string, unknown>> {
  const loaded: unknown = await importModule(file);
  const exported = objectOf(loaded)['default'] ?? loaded;
  const config: unknown = typeof exported === 'function' ? await exported() : exported;
  const environments = objectOf(config);
  const chosen = environments[process.env['NODE_ENV'] || 'development'];
  return chosen ? objectOf(chosen) : environments;
}

function assertPostgresClient(file: string, { client }: Record<string, unknown>): void {
  const isOurs = /^(?:pg|postgres|postgresql|pgnative|pg-native)$/;
  if (typeof client !== 'string' || isOurs.test(client)) return;
  throw usageError(
    'MIGRATION.KNEXFILE',
    `${basename(file)} is for ${client}, and dbops operates Postgres.`,
    `Choose another environment of ${file} with NODE_ENV.`,
  );
}

/** Every migration would seem pending: nothing may be run on a wrong guess of the table. */
function assertLiteralTables(file: string, { migrations }: Record<string, unknown>): void {
  const { table, schema } = tablesIn(readText(file));
  const { tableName = 'knex_migrations', schemaName } = objectOf(migrations);
  if (tableName === table && (schemaName ?? undefined) === schema) return;
  throw usageError(
    'MIGRATION.KNEXFILE',
    `${basename(file)} keeps its migrations in ${schemaName ? `${String(schemaName)}.` : ''}${String(tableName)}, which its text does not say.`,
    `Name the table: --tracking-table ${textOf(nameIn(schemaName, tableName))}; or write tableName and schemaName out as literals in ${file}: dbops reads them without running it.`,
  );
}

function nameIn(schema: unknown, table: unknown): TrackingTableName {
  return { ...(schema ? { schema: String(schema) } : {}), table: String(table) };
}

/** They change names and values on their way; whatever else there is concerns the connection. */
const migrationOptions = [
  'wrapIdentifier',
  'postProcessResponse',
  'useNullAsDefault',
  'userParams',
];

function settingsOf(config: Record<string, unknown>): KnexSettings {
  const { searchPath, migrations } = config;
  return {
    options: Object.fromEntries(
      migrationOptions.flatMap((key) => (key in config ? [[key, config[key]]] : [])),
    ),
    searchPath: [searchPath ?? []].flat().map(String),
    disableTransactions: objectOf(migrations)['disableTransactions'] === true,
  };
}
