import * as z from 'zod';

/** The options of commands whose findings can be known, allowed or ignored. */
export const waiverOptions: [notation: string, description: string][] = [
  ['--ignore <patterns...>', 'ignore findings with these keys; * matches any text'],
  [
    '--baseline <file>',
    'report only findings that are not in this file (default: dbops.baseline.json beside the configuration)',
  ],
  [
    '--write-baseline [file]',
    'write the current findings to this file (default: the baseline that is read)',
  ],
  ['--prune-baseline', 'remove entries that are no longer found from the baseline'],
  ['--require-reason', 'report entries of the baseline that have no reason'],
  ['--max-findings <count>', 'fail only on more findings than this'],
];

const expectedCount = 'expected a whole number';

/** The flags of `waiverOptions`. */
export const waiverFlags = {
  ignore: z.array(z.string()).default([]),
  baseline: z.string().optional(),
  /** `true`: the baseline that is read. */
  writeBaseline: z.union([z.string(), z.boolean()]).optional(),
  pruneBaseline: z.boolean().default(false),
  requireReason: z.boolean().default(false),
  maxFindings: z
    .union(
      [z.int().min(0, expectedCount), z.string().regex(/^\d+$/, expectedCount).transform(Number)],
      expectedCount,
    )
    .optional(),
};

const schema = z.object(waiverFlags);

export type WaiverFlags = z.output<typeof schema>;
