import { readLabel } from '../../db/meta.ts';
import { done, text } from '../../report.ts';
import { defineCommand } from '../../command.ts';
import { none } from '../../flags.ts';

export const command = defineCommand({
  description: 'Shows the environment label that is stored in the database.',
  examples: ['dbops env show', 'dbops env show --json'],
  flags: none,
  async run(context) {
    const { name, isProtected } = await readLabel(await context.session());
    const words =
      name === null
        ? 'no environment label; set one with: dbops env set NAME'
        : `${name}${isProtected ? ', protected' : ''}`;
    return done({ environment: name, protected: isProtected }, text(words));
  },
});
