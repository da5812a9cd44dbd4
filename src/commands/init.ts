import { relative } from 'node:path';
import { defineCommand } from '../command.ts';
import { none } from '../flags.ts';
import { assertNoConfig, writeConfig } from '../init/config-file.ts';
import { proposeDeclarations } from '../init/propose-declarations.ts';
import { proposalLines, proposePrelude } from '../init/propose-prelude.ts';
import { folderIfAny } from '../open-project.ts';
import { done, text } from '../report.ts';

export const command = defineCommand({
  description:
    'Detects the migrations folder and creates dbops.config.ts (dbops.config.mts where package.json does not have type "module"). Where the migrations refer to objects that none of them creates, also proposes prelude.sql, which creates these in shadow databases. The database URL belongs in the environment or in .env, outside version control.',
  examples: ['dbops init', 'dbops init --migrations db/migrations'],
  flags: none,
  async run(context) {
    const { cwd } = context.io;
    assertNoConfig(cwd);
    const folder = await folderIfAny(context);
    const proposal = folder && (await proposePrelude(context, folder));
    const migrations = folder
      ? relative(cwd, folder.directory).replaceAll('\\', '/') || '.'
      : 'migrations';
    const format = folder?.format.name ?? 'dbops';
    const declarations = await proposeDeclarations(context, folder);
    const file = writeConfig(cwd, {
      migrations,
      format,
      prelude: proposal?.sql,
      proposed: declarations?.lines,
    });
    return done(
      {
        file,
        migrations,
        format,
        found: folder !== undefined,
        prelude: proposal?.sql ?? null,
        proposed: declarations?.sections ?? [],
      },
      text(
        `✓ ${file}  ${folder ? `found ${migrations} (${format})` : `no migrations found; new ones go to ${migrations}`}`,
        'good',
      ),
      ...proposalLines(proposal),
      ...(declarations
        ? [
            text(
              `✓ ${file}  proposes ${declarations.sections.join(', ')} as comments, from the schema`,
              'good',
            ),
          ]
        : []),
      text(
        folder
          ? '→ Set DATABASE_URL in .env, then run: dbops migrate status'
          : '→ Create the first migration: dbops migrate new NAME',
      ),
    );
  },
});
