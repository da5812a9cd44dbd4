import { basename } from 'node:path';
import { usageError } from '../../errors.ts';
import { importModule, objectOf } from '../shared/import-module.ts';
import { configAbove, literalOf } from '../shared/module-files.ts';
import { textOf, type TrackingTableName } from '../shared/tracking-table.ts';
import { readText } from '../../text-file.ts';

/** The tables of knex. */
export interface KnexTables extends TrackingTableName {
  lock: string;
}

/** The settings of a knexfile that affect migrations. */
export interface KnexSettings {
  /** Options of knex that change the SQL of a migration, such as `wrapIdentifier`. */
  options: Record<string, unknown>;
  searchPath: string[];
  /** `migrations.disableTransactions` */
  disableTransactions: boolean;
}

export function findKnexfile(directory: string): string | undefined {
  return configAbove(directory, /^knexfile\.(?:[cm]?js|ts)$/);
}

/** Returns the tables that the text of a knexfile names as literals, or the defaults. */
export function tablesIn(source: string): KnexTables {
  const table = literalOf(source, 'tableName') ?? 'knex_migrations';
  const schema = literalOf(source, 'schemaName');
  return { table, lock: `${table}_lock`, ...(schema && { schema }) };
}

/** Returns the tables for a configured name; the default schema is that of the knexfile. */
export function tablesNamed({ schema, table }: TrackingTableName, source: string): KnexTables {
  const own = schema ?? tablesIn(source).schema;
  return { table, lock: `${table}_lock`, ...(own && { schema: own }) };
}

/** Returns the file extensions of `loadExtensions: ['.js']`. */
export function extensionsIn(source: string): string[] | undefined {
  const list = /\bloadExtensions\s*:\s*\[([^\]]*)\]/.exec(source)?.[1];
  return list?.match(/\.\w+/g) ?? undefined;
}

const settingsByFolder = new Map<string, Promise<KnexSettings>>();

/**
 * Runs the knexfile of a folder as knex does: for NODE_ENV, or `development` by default.
 *
 * @param isTableNamed whether the table is configured, so that those of the knexfile are ignored
 * @throws usage error when it cannot be loaded, is for another database system, or computes other
 *   tables than its text names
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
    `${basename(file)} is for ${client}; dbops supports PostgreSQL only.`,
    `Select another environment of ${file} with NODE_ENV.`,
  );
}

/** Rejects computed names: with a wrong table, every migration would seem pending. */
function assertLiteralTables(file: string, { migrations }: Record<string, unknown>): void {
  const { table, schema } = tablesIn(readText(file));
  const { tableName = 'knex_migrations', schemaName } = objectOf(migrations);
  if (tableName === table && (schemaName ?? undefined) === schema) return;
  throw usageError(
    'MIGRATION.KNEXFILE',
    `${basename(file)} tracks migrations in ${schemaName ? `${String(schemaName)}.` : ''}${String(tableName)}, a name that its text does not contain.`,
    `Pass --tracking-table ${textOf(nameIn(schemaName, tableName))}, or write tableName and schemaName as literals in ${file}: dbops reads them without running the file.`,
  );
}

function nameIn(schema: unknown, table: unknown): TrackingTableName {
  return { ...(schema ? { schema: String(schema) } : {}), table: String(table) };
}

/** Options that change names and values; all others concern the connection. */
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
