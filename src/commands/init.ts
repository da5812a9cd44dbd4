import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../errors.ts';
import { formats } from '../formats/index.ts';
import { done, text } from '../report.ts';
import { defineCommand } from './command.ts';
import { none } from './flags.ts';

const usual = ['migrations', 'db/migrations', 'database/migrations', 'src/migrations'];

interface Found {
  migrations: string;
  format: string;
}

export const command = defineCommand({
  description:
    'Looks for a folder of migrations and writes dbops.config.ts. The database URL stays in the environment or in .env, where it does not end up in version control.',
  examples: ['dbops init', 'dbops init --migrations db/migrations'],
  flags: none,
  async run({ io, settings }) {
    const file = join(io.cwd, 'dbops.config.ts');
    if (existsSync(file))
      throw usageError(
        'INIT.EXISTS',
        'dbops.config.ts is there already; it was left as it is.',
        'Edit it, or delete it and run dbops init again.',
      );
    const candidates = settings.migrations ? [settings.migrations] : usual;
    const found = candidates.flatMap((folder) => look(io.cwd, folder))[0];
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

function look(cwd: string, folder: string): Found[] {
  const directory = join(cwd, folder);
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return [];
  const format = formats.find(({ matches }) => matches(readdirSync(directory)));
  return format ? [{ migrations: folder, format: format.name }] : [];
}

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
