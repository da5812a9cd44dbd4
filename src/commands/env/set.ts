import * as z from 'zod';
import { readLabel, writeLabel } from '../../db/meta.ts';
import { done, text } from '../../report.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Stores an environment label in the database. A protected or production database refuses seeds other than reference data, and requires --confirm before a rollback and before its protection is removed.',
  arguments: [['<name>', 'production, staging, development or another name']],
  options: [['--protect', 'protect the database']],
  examples: ['dbops env set production --protect', 'dbops env set development'],
  flags: z.object({ arguments: z.tuple([z.string().min(1)]), protect: z.boolean().default(false) }),
  async run(context, { arguments: [name], protect }) {
    const session = await context.session();
    const before = await readLabel(session);
    if (before.isProtected && !protect)
      await context.consent('This removes the protection of the database.');
    await writeLabel(session, { name, isProtected: protect });
    return done(
      { environment: name, protected: protect },
      text(`✓ ${name}${protect ? ', protected' : ''}`, 'good'),
    );
  },
});
