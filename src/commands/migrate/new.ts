import { relative } from 'node:path';
import * as z from 'zod';
import { writeNewMigration } from '../../migrate/new.ts';
import { done, text } from '../../report.ts';
import { defineCommand } from '../../command.ts';
import { folderForNew } from '../../open-project.ts';

export const command = defineCommand({
  description:
    "Creates a migration in your tool's format, in the detected folder. Without a folder, creates migrations/0001_name.up.sql and .down.sql.",
  arguments: [['<name>', 'what the migration does, such as add_invoices']],
  options: [['--module', 'create a TypeScript module instead of SQL (dbops and node-pg-migrate)']],
  examples: ['dbops migrate new add_invoices', 'dbops migrate new split_names --module'],
  flags: z.object({
    arguments: z.tuple([
      z.string().regex(/[a-zA-Z0-9]/, 'expected a name with a letter or a digit'),
    ]),
    module: z.boolean().default(false),
  }),
  async run(context, { arguments: [title], module }) {
    const { io, clock } = context;
    const folder = await folderForNew(context);
    const paths = writeNewMigration(folder, { title, now: clock(), module });
    const written = paths.map((path) => relative(io.cwd, path));
    return done(
      { files: written },
      ...written.map((file) => text(`✓ ${file}`, 'good')),
      text(
        `→ Edit ${written.length === 1 ? 'this file' : 'these files'}, then run: dbops migrate up`,
      ),
    );
  },
});
