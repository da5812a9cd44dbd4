import * as z from 'zod';
import { defineCommand } from '../command.ts';
import { undeclared } from '../seed/undeclared.ts';

const expected = 'expected a whole number such as 2000000 or 2,000,000';

const flags = z.object({
  only: z
    .array(z.string())
    .default([])
    .transform((names) => names.flatMap((name) => name.split(',')).filter(Boolean)),
  scale: z
    .union(
      [
        z.int().min(1),
        z
          .string()
          .regex(/^[1-9][\d,_]*$/)
          .transform((text) => Number(text.replaceAll(/[,_]/g, ''))),
      ],
      expected,
    )
    .optional(),
  reset: z.boolean().default(false),
  check: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  allowRepeat: z.boolean().default(false),
});

export const command = defineCommand({
  description:
    'Inserts the declared seeds: rows, files and modules in one transaction, then generated rows. Existing rows are reused and values that testers changed are kept, so it can be run any number of times.',
  options: [
    ['--only <sets...>', 'seed only these sets and those that they refer to'],
    ['--scale <rows>', 'generate this many rows in each set of generated rows'],
    ['--reset', 'also set the columns that are written once'],
    ['--check', 'change nothing; exit with 4 when rows are missing or outdated'],
    ['--dry-run', 'change nothing; show what would be inserted and updated'],
    ['--allow-repeat', 'accept a file or module that is not idempotent'],
  ],
  examples: ['dbops seed', 'dbops seed --only users', 'dbops seed --scale 2,000,000'],
  flags,
  async run(context, { only, scale, reset, check, dryRun, allowRepeat }) {
    const { seeds } = await context.declared();
    if (!seeds || Object.keys(seeds).length === 0) throw undeclared();
    // The engine is loaded while the server accepts the connection.
    void context.session();
    const { runSeeds, seedReport } = await import('../seed/index.ts');
    const write = !check && !dryRun;
    const request = {
      seeds,
      only,
      reset,
      write,
      allowRepeat,
      ...(scale !== undefined && { scale }),
    };
    return seedReport(await runSeeds(context, request), { write, check });
  },
});
