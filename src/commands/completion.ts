import * as z from 'zod';
import { defineCommand } from '../command.ts';
import { completionScript, shells } from '../completion/scripts.ts';
import { done } from '../report.ts';

export const command = defineCommand({
  description:
    'Prints the script that completes commands, options and the names of your project in a shell. Completion never connects to a database.',
  arguments: [['<shell>', shells.join(', ')]],
  examples: [
    'dbops completion bash > ~/.local/share/bash-completion/completions/dbops',
    'dbops completion zsh > "${fpath[1]}/_dbops"',
    'dbops completion fish > ~/.config/fish/completions/dbops.fish',
  ],
  flags: z.object({ arguments: z.tuple([z.enum(shells)]) }),
  run: async (_, { arguments: [shell] }) => {
    const script = completionScript(shell);
    return done({ shell, script }, { kind: 'code', text: script });
  },
});
