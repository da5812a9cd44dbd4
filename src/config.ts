import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Definitions } from './backfill/definition.ts';
import type { Scope } from './catalog/ignored.ts';
import type { FileSettings } from './config-settings.ts';
import { parseTarget, targetFromVariables, type Target } from './db/target.ts';
import type { Declarations } from './declarations.ts';
import { DbopsError, usageError } from './errors.ts';
import type { TrackingTableName } from './formats/shared/tracking-table.ts';
import { readEnvFiles } from './env-files.ts';
import { importConfig } from './import-config.ts';
import type { Environment } from './output/terminal.ts';
import { readJson, readText } from './text-file.ts';

/** The settings that are flags, too. */
const settingFlags: ReadonlySet<string> = new Set([
  'databaseUrl',
  'migrations',
  'format',
  'trackingTable',
  'shadowUrl',
  'lockTimeout',
  'statementTimeout',
  'waitForDatabase',
] satisfies (keyof FileSettings)[]);

export interface TargetChoice {
  target: Target;
  /** The flag, variable or file that it came from. */
  source: string;
  /** No database was named: it is the embedded one of the project. */
  isDefault?: true;
}

export interface Settings {
  /** Resolved when it is first needed: some commands need no database. @throws usage error */
  target: () => TargetChoice;
  /** The folder that was given; absent: it is detected. */
  migrations?: string;
  format?: string;
  /** The table that records what is applied; absent: the default of the folder's tool. */
  trackingTable?: TrackingTableName;
  shadow?: Target;
  /** The file with what a shadow needs before the first migration. */
  shadowPrelude?: string;
  /** Milliseconds that a statement waits for a lock before it is retried. */
  lockTimeout: number;
  /** Milliseconds; 0 is no limit. */
  statementTimeout: number;
  /** Milliseconds to wait for a server that does not accept connections yet. */
  waitForDatabase: number;
  /** Definitions by name. */
  backfills?: Definitions;
  /** What the file declares about the tables of the project. */
  declared: Declarations;
  /** States of a subscription in which reports apply its plan; the first that is found counts. */
  planStatuses: readonly string[];
  /** Limits of `migrate plan`, in milliseconds. */
  plan: { maxBlocked: number; maxDuration: number };
  /** The file into which `migrate up` writes the schema; absent: none. */
  schemaFile?: string;
  /** Which objects of the database are compared with the migrations. */
  scope: Scope;
  /** The folder of the configuration file, else the working directory. */
  root: string;
  /** The path of the configuration file; absent: there is none. */
  configFile?: string;
  environment: Environment;
}

export interface SettingsInput {
  flags: Readonly<Record<string, unknown>>;
  environment: Environment;
  cwd: string;
  /** Whether a person is at the terminal: then an embedded database is the default. */
  interactive: boolean;
}

/**
 * Returns the settings: flags win over the environment, the file and the defaults.
 *
 * @throws usage error that lists every problem
 */
export async function loadSettings({
  flags,
  environment,
  cwd,
  interactive,
}: SettingsInput): Promise<Settings> {
  const file = findConfigFile(cwd, stringOf(flags['config']));
  const root = file ? dirname(file) : cwd;
  const fromFile: FileSettings = file ? await readSettings(file) : { declared: {} };
  const fromFlags = await settingsAmong(flags);
  const merged = { ...fromFile, ...fromFlags };
  const named = stringOf(flags['envFile']);
  const { variables, fileOf } = readEnvFiles(environment, { root, cwd, named });
  const fromCwd = (url: string) => parseTarget(url, variables, cwd);
  const fromRoot = (url: string) => parseTarget(url, variables, root);
  return {
    target: lazily(() => {
      const flag = fromFlags.databaseUrl;
      if (flag !== undefined) return { target: fromCwd(flag), source: '--database-url' };
      const variable = urlVariables.find((name) => variables[name]);
      if (variable) {
        const url = variables[variable] ?? '';
        const envFile = fileOf(variable);
        return envFile
          ? { target: fromRoot(url), source: `${variable} in ${envFile}` }
          : { target: fromCwd(url), source: variable };
      }
      if (variables['PGHOST'] || variables['PGDATABASE'] || variables['PGSERVICE'])
        return { target: targetFromVariables(variables), source: 'the PG* variables' };
      return fromFile.databaseUrl
        ? { target: fromRoot(fromFile.databaseUrl), source: file ?? '' }
        : defaultTarget(root, interactive && !variables['CI']);
    }),
    ...folderIn(fromFlags.migrations, cwd, fromFile.migrations, root),
    ...(merged.format && { format: merged.format }),
    ...(merged.trackingTable && { trackingTable: merged.trackingTable }),
    ...(merged.shadowUrl && {
      shadow: (fromFlags.shadowUrl ? fromCwd : fromRoot)(merged.shadowUrl),
    }),
    ...(fromFile.shadowPrelude && { shadowPrelude: resolve(root, fromFile.shadowPrelude) }),
    lockTimeout: merged.lockTimeout ?? 2_000,
    statementTimeout: merged.statementTimeout ?? 0,
    waitForDatabase: merged.waitForDatabase ?? 0,
    ...(fromFile.schemaFile && { schemaFile: resolve(root, fromFile.schemaFile) }),
    ...(fromFile.backfills && { backfills: fromFile.backfills }),
    declared: fromFile.declared,
    planStatuses: fromFile.planStatuses ?? ['active'],
    plan: planLimits(fromFile.plan),
    scope: {
      ...(fromFile.schemas && { schemas: fromFile.schemas }),
      ignore: fromFile.ignore ?? [],
    },
    root,
    ...(file && { configFile: file }),
    environment: variables,
  };
}

function planLimits({ maxBlocked = 2_000, maxDuration = 60_000 }: FileSettings['plan'] = {}) {
  return { maxBlocked, maxDuration };
}

/** Each path is relative to the place where it is written. */
function folderIn(
  flag: string | undefined,
  cwd: string,
  setting: string | undefined,
  root: string,
): Pick<Settings, 'migrations'> {
  if (flag) return { migrations: resolve(cwd, flag) };
  return setting ? { migrations: resolve(root, setting) } : {};
}

/** Zod and the schema are loaded for settings that are given: that takes longer than most commands run. */
async function settingsAmong(
  flags: Readonly<Record<string, unknown>>,
): Promise<Partial<FileSettings>> {
  const given = Object.entries(flags).filter(
    ([key, value]) => settingFlags.has(key) && value !== undefined,
  );
  if (given.length === 0) return {};
  const { parseFlags } = await import('./config-settings.ts');
  return parseFlags(Object.fromEntries(given));
}

async function readSettings(file: string): Promise<FileSettings> {
  const input = await readConfigFile(file);
  const { parseFile } = await import('./config-settings.ts');
  return parseFile(input, file);
}

/** The names of the configuration file; of several files in a folder the first is used. */
export const configNames = ['ts', 'mts', 'js', 'mjs', 'json'].map((each) => `dbops.config.${each}`);

/** Returns the file that was given, or the nearest `dbops.config.*` from `cwd` upwards. */
function findConfigFile(cwd: string, asked: string | undefined): string | undefined {
  if (asked) {
    const file = resolve(cwd, asked);
    if (existsSync(file)) return file;
    throw usageError(
      'CONFIG.MISSING',
      `Configuration file not found: ${file}`,
      'Correct --config, or create the file with: dbops init',
    );
  }
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = configNames.map((name) => join(folder, name)).find((file) => existsSync(file));
    if (found || dirname(folder) === folder) return found;
  }
}

async function readConfigFile(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return readJson(file);
    const text = readText(file); // Node decodes leniently, and waits for the writer of a named pipe
    return await importConfig(file, text);
  } catch (error) {
    if (error instanceof DbopsError) throw error;
    throw usageError(
      'CONFIG.INVALID',
      `Cannot read the configuration file ${file}.`,
      'Correct the file; its default export holds the settings.',
      [String(error)],
    );
  }
}

const urlVariables = ['DBOPS_DATABASE_URL', 'DATABASE_URL_UNPOOLED', 'DIRECT_URL', 'DATABASE_URL'];

function defaultTarget(root: string, interactive: boolean): TargetChoice {
  if (interactive) {
    const directory = join(root, '.dbops', 'pgdata');
    return {
      target: { kind: 'pglite', directory },
      source: 'no database URL is set, so an embedded database is used',
      isDefault: true,
    };
  }
  throw usageError(
    'TARGET.MISSING',
    'No database URL is set.',
    'Set DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE, or use an embedded database: --database-url pglite:.dbops/pgdata',
  );
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
