import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { writeFiles } from '../../expand-contract/files.ts';
import { expandContractReport } from '../../expand-contract/report.ts';
import { planExpandContract } from '../../expand-contract/run.ts';
import { placeFolder } from '../../formats/place.ts';
import { folderOf } from '../../open-project.ts';

export const command = defineCommand({
  description:
    'Splits a pending migration that would lock or fail on a table with rows: ADD COLUMN … NOT NULL, constraints, indexes, primary keys, RENAME COLUMN and ALTER COLUMN … TYPE. FILE keeps what can be applied at once (expand); a backfill fills the columns; new last files enforce the constraints without a long lock (contract). A renamed column, or one of another type, is built beside the old one; a trigger keeps both alike until the last file drops the old one. Values are derived from foreign keys, or given with --set.',
  arguments: [['<file>', 'name or path of the migration; must be the last of the folder']],
  options: [
    [
      '--set <assignment...>',
      "'TABLE.COLUMN = EXPRESSION' for a column whose value cannot be derived, or for the old column of a USING that cannot be reversed; repeatable",
    ],
    ['--dry-run', 'print the files and write nothing'],
  ],
  examples: [
    'dbops migrate expand-contract 0006_cloudy_blizzard --dry-run',
    'dbops migrate expand-contract drizzle/0006_cloudy_blizzard.sql --set "purchases.stripe_payment_intent_id = \'legacy_\' || purchases.id"',
  ],
  flags: z.object({
    arguments: z.tuple([z.string()]),
    set: z.array(z.string()).default([]),
    dryRun: z.boolean().default(false),
  }),
  async run(context, { arguments: [wanted], set, dryRun }) {
    const read = await folderOf(context);
    const session = await context.session();
    const folder = await placeFolder(session, read);
    const request = { context, folder, wanted, assignments: set, now: context.clock() };
    const plan = await planExpandContract(session, request);
    if (!dryRun) writeFiles(plan.files);
    return expandContractReport(plan, context.io.cwd, dryRun);
  },
});
