import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as z from 'zod';
import { configNames } from '../config.ts';
import type { Context } from '../context.ts';
import { DbopsError, usageError } from '../errors.ts';
import { folderOf } from '../open-project.ts';
import { done, text } from '../report.ts';
import { defineCommand } from '../command.ts';
import { none } from '../flags.ts';

interface Found {
  migrations: string;
  format: string;
}

export const command = defineCommand({
  description:
    'Looks for a folder of migrations and writes dbops.config.ts (dbops.config.mts where the package is not of type "module"). The database URL stays in the environment or in .env, where it does not end up in version control.',
  examples: ['dbops init', 'dbops init --migrations db/migrations'],
  flags: none,
  async run(context) {
    const { io } = context;
    const existing = configNames.find((name) => existsSync(join(io.cwd, name)));
    if (existing)
      throw usageError(
        'INIT.EXISTS',
        `${existing} is there already; it was left as it is.`,
        'Edit it, or delete it and run dbops init again.',
      );
    const file = configNameFor(io.cwd);
    const found = await look(context);
    const { migrations, format } = found ?? { migrations: 'migrations', format: 'dbops' };
    writeFileSync(join(io.cwd, file), contentOf({ migrations, format }), { flag: 'wx' });
    return done(
      { file, migrations, format, found: found !== undefined },
      text(
        `✓ ${file}  ${found ? `found ${migrations} (${format})` : `no migrations found; they will go to ${migrations}`}`,
        'good',
      ),
      text(
        found
          ? '→ Set DATABASE_URL in .env, then: dbops migrate status'
          : '→ Start with: dbops migrate new NAME',
      ),
    );
  },
});

/**
 * `.mts` where the nearest package is none of modules: Node would read a `.ts` there twice, and warn
 * of it at every command.
 */
function configNameFor(directory: string): string {
  const file = packageFileAbove(directory);
  if (!file) return 'dbops.config.ts';
  const { type } = packageJson.catch({}).parse(parseJson(readFileSync(file, 'utf8')));
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

/** Nothing when there is no folder yet, which is what `init` is for. */
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
  return `// Settings of dbops. Flags and environment variables win over what stands here.
export default {
  migrations: ${JSON.stringify(`./${migrations}`)},
  format: ${JSON.stringify(format)},
  // How long a statement waits for a lock before it lets the application pass.
  lockTimeout: '2s',
};
`;
}
