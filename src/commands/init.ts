import { relative } from 'node:path';
import { defineCommand } from '../command.ts';
import { none } from '../flags.ts';
import { assertNoConfig, writeConfig } from '../init/config-file.ts';
import { folderIfAny } from '../open-project.ts';
import { done, text } from '../report.ts';

export const command = defineCommand({
  description:
    'Detects the migrations folder and creates dbops.config.ts (dbops.config.mts where package.json does not have type "module"). The database URL belongs in the environment or in .env, outside version control.',
  examples: ['dbops init', 'dbops init --migrations db/migrations'],
  flags: none,
  async run(context) {
    const { cwd } = context.io;
    assertNoConfig(cwd);
    const folder = await folderIfAny(context);
    const config = {
      migrations: folder
        ? relative(cwd, folder.directory).replaceAll('\\', '/') || '.'
        : 'migrations',
      format: folder?.format.name ?? 'dbops',
    };
    const file = writeConfig(cwd, config);
    const { migrations, format } = config;
    return done(
      { file, migrations, format, found: folder !== undefined },
      text(
        `✓ ${file}  ${folder ? `found ${migrations} (${format})` : `no migrations found; new ones go to ${migrations}`}`,
        'good',
      ),
      text(
        folder
          ? '→ Set DATABASE_URL in .env, then run: dbops migrate status'
          : '→ Create the first migration: dbops migrate new NAME',
      ),
    );
  },
});
