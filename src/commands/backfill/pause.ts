import * as z from 'zod';
import { pauseBackfill } from '../../backfill/store.ts';
import { done, text } from '../../report.ts';
import { neverRun } from '../../backfill/status.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Pauses a running backfill after its current batch, within a second, and blocks new runs of it until dbops backfill resume.',
  arguments: [['<name>', 'name of the backfill']],
  examples: [
    'dbops backfill pause organization-id',
    'dbops backfill pause purchases.organization_id --json',
  ],
  flags: z.object({ arguments: z.tuple([z.string()]) }),
  async run(context, { arguments: [name] }) {
    const session = await context.session();
    if (!(await pauseBackfill(session, name, context.settings.environment['USER'])))
      throw await neverRun(context, name);
    return done(
      { name, paused: true },
      text(`✓ ${name} is paused`, 'good'),
      text(`→ Resume it: dbops backfill resume ${name}`),
    );
  },
});
