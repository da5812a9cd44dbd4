import * as z from 'zod';
import { readRecord, resumeBackfill } from '../../backfill/store.ts';
import { done, text } from '../../report.ts';
import { neverRun, stateOf } from '../../backfill/status.ts';
import { defineCommand } from '../../command.ts';
import { shellWord } from '../../output/shell.ts';

export const command = defineCommand({
  description:
    'Resumes a paused backfill. A waiting run continues automatically; an ended run is started again with dbops backfill run.',
  arguments: [['<name>', 'name of the backfill']],
  examples: [
    'dbops backfill resume organization-id',
    'dbops backfill resume purchases.organization_id --json',
  ],
  flags: z.object({ arguments: z.tuple([z.string()]) }),
  async run(context, { arguments: [name] }) {
    const session = await context.session();
    if (!(await resumeBackfill(session, name))) throw await neverRun(context, name);
    const control = await readRecord(session, name);
    const isAtIt = control !== undefined && stateOf(control) === 'running';
    return done(
      { name, paused: false },
      text(`✓ ${name} is resumed`, 'good'),
      ...(isAtIt
        ? []
        : [text(`→ No run is active; start one: dbops backfill run ${shellWord(name)}`)]),
    );
  },
});
