import { relative } from 'node:path';
import { defineCommand } from '../command.ts';
import type { Session } from '../db/session.ts';
import { none } from '../flags.ts';
import { assertNoConfig, writeConfig } from '../init/config-file.ts';
import { isDatabaseNamed, proposeFrom, proposeFromDatabase } from '../init/propose-declarations.ts';
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
    const found = folder && {
      migrations: relative(cwd, folder.directory).replaceAll('\\', '/') || '.',
      format: folder.format.name,
    };
    const fromDatabase = await proposeFromDatabase(context);
    const look = async (shadow: Session) => fromDatabase ?? (await proposeFrom(shadow));
    const { prelude, seen } = folder ? await proposePrelude(context, folder, look) : {};
    const declarations = fromDatabase ?? seen;
    const file = writeConfig(cwd, {
      folder: found,
      prelude: prelude?.sql,
      proposed: declarations?.lines,
    });
    const { migrations, format } = found ?? { migrations: 'migrations', format: 'dbops' };
    return done(
      {
        file,
        migrations,
        format,
        found: folder !== undefined,
        prelude: prelude?.sql ?? null,
        proposed: declarations?.sections ?? [],
      },
      text(
        `✓ ${file}  ${folder ? `found ${migrations} (${format})` : `no migrations found; new ones go to ${migrations}`}`,
        'good',
      ),
      ...proposalLines(prelude),
      ...(declarations
        ? [
            text(
              `✓ ${file}  proposes ${declarations.sections.join(', ')} as comments, from the ${fromDatabase ? 'tables of the database' : 'migrations'}`,
              'good',
            ),
          ]
        : []),
      text(`→ ${nextStep(file, { folder, fromDatabase, isNamed: isDatabaseNamed(context) })}`),
    );
  },
});

function nextStep(
  file: string,
  { folder, fromDatabase, isNamed }: { folder: unknown; fromDatabase: unknown; isNamed: boolean },
): string {
  if (fromDatabase)
    return `In ${file}, remove the // in front of what is right, then run: dbops doctor`;
  if (!folder) return 'Create the first migration: dbops migrate new NAME';
  return isNamed
    ? 'Compare the migrations with the database: dbops migrate status'
    : 'Set DATABASE_URL in .env, then run: dbops migrate status';
}
