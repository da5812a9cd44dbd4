import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { wait } from '../../flags.ts';
import { placeFolder } from '../../formats/place.ts';
import { runSquash } from '../../migrate/squash/run.ts';
import { folderOf } from '../../open-project.ts';

export const command = defineCommand({
  description:
    'Replaces migrations by one file in the format of the folder. The file keeps every statement, in order, and is written only if it replays to the same catalog in a shadow database. The tracking rows become one row, with a record to undo it: dbops repair-tracking --undo. On other databases, run dbops repair-tracking --apply after the deployment. A protected, production or unlabelled remote database requires --confirm.',
  options: [
    ['--to <name>', 'squash migrations up to and including this one'],
    ['--from <name>', 'start with this migration (default: the first)'],
    ['--name <title>', 'title of the new migration (default: squashed)'],
    ['--force', 'remove files that are not committed to git'],
    ['--dry-run', 'prove and print the file, and change nothing'],
    ['--wait <duration>', 'wait at most this long for another run (default: 60s)'],
  ],
  examples: [
    'dbops migrate squash --to 0007_tenancy_expand --dry-run',
    'dbops migrate squash --to 0007_tenancy_expand',
  ],
  flags: z.object({
    to: z.string('expected the name of a migration'),
    from: z.string().optional(),
    name: z
      .string()
      .regex(/[a-zA-Z0-9]/, 'expected a name with a letter or a digit')
      .default('squashed'),
    force: z.boolean().default(false),
    dryRun: z.boolean().default(false),
    wait,
  }),
  async run(context, { name, ...flags }) {
    const [session, read] = await Promise.all([context.session(), folderOf(context)]);
    const folder = await placeFolder(session, read);
    const title = name.replace(/^\d+[-_]+(?=\w)/, '');
    return runSquash(context, session, folder, { ...flags, title });
  },
});
