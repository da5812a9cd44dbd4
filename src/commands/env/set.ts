import * as z from 'zod';
import { readLabel, writeLabel } from '../../db/meta.ts';
import { done, text } from '../../report.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Labels the database, in the database. A protected or production database refuses seeds, and asks for its name (--confirm) before a rollback; taking the protection away asks for it too.',
  arguments: [['<name>', 'such as production, staging or development']],
  options: [['--protect', 'protect it']],
  examples: ['dbops env set production --protect', 'dbops env set development'],
  flags: z.object({ arguments: z.tuple([z.string().min(1)]), protect: z.boolean().default(false) }),
  async run(context, { arguments: [name], protect }) {
    const session = await context.session();
    const before = await readLabel(session);
    if (before.isProtected && !protect) await context.consent('This takes the protection away.');
    await writeLabel(session, { name, isProtected: protect });
    return done(
      { environment: name, protected: protect },
      text(`${name}${protect ? ', protected' : ''}`, 'good'),
    );
  },
});
