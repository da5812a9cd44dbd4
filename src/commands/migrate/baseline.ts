import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { wait } from '../../flags.ts';
import { placeFolder } from '../../formats/place.ts';
import { runBaseline } from '../../migrate/baseline/run.ts';
import { folderOf } from '../../open-project.ts';

export const command = defineCommand({
  description:
    'Records migrations as applied on a database that has the schema but no tracking rows. Replays the folder in a shadow database, and records the migrations that produce exactly the current schema, up to the last one that left a trace. A protected, production or unlabelled remote database requires --confirm.',
  options: [
    [
      '--to <name>',
      'record migrations up to and including this one, with those that leave no trace (default: as many as the schema proves)',
    ],
    ['--dry-run', 'prove the migrations and change nothing'],
    ['--wait <duration>', 'wait at most this long for another run (default: 60s)'],
  ],
  examples: [
    'dbops migrate baseline --dry-run',
    'dbops migrate baseline',
    'dbops migrate baseline --to 0007_tenancy_expand',
  ],
  flags: z.object({ to: z.string().optional(), dryRun: z.boolean().default(false), wait }),
  async run(context, flags) {
    const [session, read] = await Promise.all([context.session(), folderOf(context)]);
    return runBaseline(context, session, await placeFolder(session, read), flags);
  },
});
