import * as z from 'zod';
import { defineCommand } from '../command.ts';
import { seedReport } from '../seed/report.ts';
import { runSeeds, selectSets } from '../seed/run.ts';

const flags = z.object({
  only: z
    .array(z.string())
    .default([])
    .transform((names) => names.flatMap((name) => name.split(',')).filter(Boolean)),
  reset: z.boolean().default(false),
  check: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

export const command = defineCommand({
  description:
    'Inserts test data in one transaction. Existing rows are reused and values that testers changed are kept, so it can be run any number of times.',
  options: [
    ['--only <sets...>', 'insert only these sets and those that they need'],
    ['--reset', 'also reset credits, names and dates of seeded rows'],
    ['--check', 'change nothing; exit with 4 when rows are missing or outdated'],
    ['--dry-run', 'change nothing; show what would be inserted and updated'],
  ],
  examples: ['dbops seed', 'dbops seed --only users', 'dbops seed --reset --dry-run'],
  flags,
  async run(context, { only, reset, check, dryRun }) {
    const declaration = await context.application.seeds();
    const sets = selectSets(declaration.sets, only);
    const session = await context.session();
    const write = !check && !dryRun;
    const counts = await runSeeds(context, session, { declaration, sets, reset, write });
    return seedReport(counts, { write, check });
  },
});
