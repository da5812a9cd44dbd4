import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as z from 'zod';
import { configNames } from '../config.ts';
import type { Context } from '../context.ts';
import { DbopsError, usageError } from '../errors.ts';
import { folderOf } from '../open-project.ts';
import { done, text } from '../report.ts';
import { defineCommand } from '../command.ts';
import { none } from '../flags.ts';
import { readText } from '../text-file.ts';

interface Found {
  migrations: string;
  format: string;
}

export const command = defineCommand({
  description:
    'Detects the migrations folder and creates dbops.config.ts (dbops.config.mts where package.json does not have type "module"). The database URL belongs in the environment or in .env, outside version control.',
  examples: ['dbops init', 'dbops init --migrations db/migrations'],
  flags: none,
  async run(context) {
    const { io } = context;
    const existing = configNames.find((name) => existsSync(join(io.cwd, name)));
    if (existing)
      throw usageError(
        'INIT.EXISTS',
        `${existing} already exists; it was not changed.`,
        'Edit the file, or delete it and run: dbops init',
      );
    const file = configNameFor(io.cwd);
    const found = await look(context);
    const { migrations, format } = found ?? { migrations: 'migrations', format: 'dbops' };
    writeFileSync(join(io.cwd, file), contentOf({ migrations, format }), { flag: 'wx' });
    return done(
      { file, migrations, format, found: found !== undefined },
      text(
        `✓ ${file}  ${found ? `found ${migrations} (${format})` : `no migrations found; new ones go to ${migrations}`}`,
        'good',
      ),
      text(
        found
          ? '→ Set DATABASE_URL in .env, then run: dbops migrate status'
          : '→ Create the first migration: dbops migrate new NAME',
      ),
    );
  },
});

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

/** Returns the detected folder; undefined when the project has none yet. */
async function look(context: Context): Promise<Found | undefined> {
  try {
    const { directory, format } = await folderOf(context);
    const migrations = relative(context.io.cwd, directory).replaceAll('\\', '/') || '.';
    return { migrations, format: format.name };
  } catch (error) {
    const isMissing = error instanceof DbopsError && missing.has(error.code);
    if (isMissing) return undefined;
    throw error;
  }
}

const missing = new Set(['FOLDER.MISSING', 'FOLDER.EMPTY', 'FORMAT.UNKNOWN']);

function contentOf({ migrations, format }: Found): string {
  return `// Settings of dbops. Flags and environment variables override this file.
export default {
  migrations: ${JSON.stringify(`./${migrations}`)},
  format: ${JSON.stringify(format)},
  // How long a statement waits for a lock before it backs off and is retried.
  lockTimeout: '2s',
};
`;
}
