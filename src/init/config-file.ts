import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { configNames } from '../config.ts';
import { usageError } from '../errors.ts';
import { readText } from '../text-file.ts';

/** What the file of a new project says. */
export interface InitialConfig {
  /** The migrations folder, relative to the file, with forward slashes, and its format; absent where none was found. */
  folder?: { migrations: string; format: string } | undefined;
  /** SQL of the file that is created for `shadowPrelude`. */
  prelude?: string | undefined;
  /** Lines of declarations, which are written as comments. */
  proposed?: readonly string[] | undefined;
}

/** The file of `shadowPrelude`. */
export const preludeName = 'prelude.sql';

/** @throws usage error for a directory that has a configuration file or a prelude */
export function assertNoConfig(directory: string): void {
  const existing = [...configNames, preludeName].find((name) => existsSync(join(directory, name)));
  if (!existing) return;
  throw usageError(
    'INIT.EXISTS',
    `${existing} already exists; it was not changed.`,
    'Edit the file, or delete it and run: dbops init',
  );
}

/**
 * Creates the configuration file of a directory, and the prelude.
 *
 * @returns its name
 */
export function writeConfig(directory: string, config: InitialConfig): string {
  const file = configNameFor(directory);
  if (config.prelude !== undefined)
    writeFileSync(join(directory, preludeName), config.prelude, { flag: 'wx' });
  const isInstalled = findsPackage(directory);
  writeFileSync(join(directory, file), contentOf(config, isInstalled), { flag: 'wx' });
  return file;
}

/**
 * Returns whether a file in the directory can import dbops: a project without it, which runs a global dbops
 * or npx, could not load such a configuration.
 */
function findsPackage(directory: string): boolean {
  try {
    createRequire(join(directory, 'dbops.config.ts')).resolve('dbops');
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns `.mts` where the nearest package does not have type "module": Node would parse a `.ts` file
 * twice there, and warn at every command.
 */
function configNameFor(directory: string): string {
  const file = packageFileAbove(directory);
  if (!file) return 'dbops.config.ts';
  const { type } = packageJson.catch({}).parse(parseJson(readText(file)));
  return type === 'module' ? 'dbops.config.ts' : 'dbops.config.mts';
}

function packageFileAbove(directory: string): string | undefined {
  const file = join(directory, 'package.json');
  if (existsSync(file)) return file;
  return directory === dirname(directory) ? undefined : packageFileAbove(dirname(directory));
}

const packageJson = z.object({ type: z.string().optional() });

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}

function contentOf({ folder, prelude, proposed }: InitialConfig, isInstalled: boolean): string {
  const [before, begin, end] = isInstalled
    ? ["import { defineConfig } from 'dbops';\n\n", 'defineConfig({', '})']
    : ['', '{', '}'];
  return `${before}// Settings of dbops. Flags and environment variables override this file.
export default ${begin}
${folder ? `  migrations: ${JSON.stringify(`./${folder.migrations}`)},\n  format: ${JSON.stringify(folder.format)},\n` : ''}${prelude === undefined ? '' : `  // What the migrations expect of a database and no migration creates.\n  shadowPrelude: './${preludeName}',\n`}  // How long a statement waits for a lock before it backs off and is retried.
  lockTimeout: '2s',
${proposed === undefined ? '' : commented(proposed)}${end};
`;
}

function commented(lines: readonly string[]): string {
  return `
  // Proposed from the schema, and not used until the // in front of the lines is removed. Try it with: dbops doctor
${lines.map((line) => `  // ${line.slice(2)}\n`).join('')}`;
}
