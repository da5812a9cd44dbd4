import * as z from 'zod';
import { readRecord, setPaused } from '../../backfill/store.ts';
import { done, text } from '../../report.ts';
import { notBegun, stateOf } from './status.ts';
import { backfillsOf } from '../../backfill/index.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Ends the pause of a backfill. A run that waits goes on by itself; one that has ended is run again with dbops backfill run.',
  arguments: [['<name>', 'which backfill']],
  examples: [
    'dbops backfill resume organization-id',
    'dbops backfill resume purchases.organization_id --json',
  ],
  flags: z.object({ arguments: z.tuple([z.string()]) }),
  async run(context, { arguments: [name] }) {
    const session = await context.session();
    if (!(await setPaused(session, name, null)))
      throw notBegun(
        name,
        backfillsOf(context).some((each) => each.name === name),
      );
    const control = await readRecord(session, name);
    const isAtIt = control !== undefined && stateOf(control) === 'running';
    return done(
      { name, paused: false },
      text(`✓ ${name} is not paused`, 'good'),
      ...(isAtIt ? [] : [text(`→ No run is at it: dbops backfill run ${name}`)]),
    );
  },
});
