import { existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Context } from '../context.ts';
import { DbopsError, usageError } from '../errors.ts';
import { folderOf } from './folder.ts';
import { done, text } from '../report.ts';
import { defineCommand } from './command.ts';
import { none } from './flags.ts';

interface Found {
  migrations: string;
  format: string;
}

export const command = defineCommand({
  description:
    'Looks for a folder of migrations and writes dbops.config.ts. The database URL stays in the environment or in .env, where it does not end up in version control.',
  examples: ['dbops init', 'dbops init --migrations db/migrations'],
  flags: none,
  async run(context) {
    const { io } = context;
    const file = join(io.cwd, 'dbops.config.ts');
    if (existsSync(file))
      throw usageError(
        'INIT.EXISTS',
        'dbops.config.ts is there already; it was left as it is.',
        'Edit it, or delete it and run dbops init again.',
      );
    const found = await look(context);
    const { migrations, format } = found ?? { migrations: 'migrations', format: 'dbops' };
    writeFileSync(file, contentOf({ migrations, format }), { flag: 'wx' });
    return done(
      { file: 'dbops.config.ts', migrations, format, found: found !== undefined },
      text(
        `✓ dbops.config.ts  ${found ? `found ${migrations} (${format})` : `no migrations found; they will go to ${migrations}`}`,
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
