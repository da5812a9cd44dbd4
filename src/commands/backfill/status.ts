import * as z from 'zod';
import { statusOf, statusOfAll } from '../../backfill/status.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Shows the progress of a backfill: rate, estimated time, reason for waiting, active run, and failed rows. Without a name, shows every backfill that was run on this database.',
  arguments: [['[name]', 'name of the backfill']],
  examples: ['dbops backfill status', 'dbops backfill status organization-id --json'],
  flags: z.object({ arguments: z.tuple([z.string().optional()]) }),
  async run(context, { arguments: [name] }) {
    const session = await context.session();
    return name === undefined ? statusOfAll(session) : statusOf(context, session, name);
  },
});
