import { resolve } from 'node:path';
import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { placeFolder } from '../../formats/place.ts';
import { folderIfAny, knownStatuses } from '../../open-project.ts';
import { exportReport, readSizesOf } from '../../plan/sizes-file.ts';

export const command = defineCommand({
  description:
    'Writes the sizes of the tables and indexes, the rate of writes and the names of the applied migrations as JSON. Contains no rows and no names of roles. Changes nothing, and takes two seconds.',
  options: [['--output <file>', 'file to write (default: stdout)']],
  examples: [
    'dbops stats export --output sizes.json',
    'dbops stats export > sizes.json',
    "dbops stats export | jq '.tables | length'",
  ],
  flags: z.object({ output: z.string().min(1).optional() }),
  async run(context, { output }) {
    const read = await folderIfAny(context);
    const session = await context.session();
    const folder = read && (await placeFolder(session, read));
    const statuses = folder ? await knownStatuses(context, session, folder) : [];
    const sizes = await readSizesOf(session, statuses, context.signal);
    return exportReport(
      sizes,
      output === undefined ? undefined : { file: resolve(context.io.cwd, output), name: output },
    );
  },
});
