import * as z from 'zod';
import { count, wait } from '../flags.ts';

/** The flags of `migrate up`. */
export const upFlags = z.object({
  to: z.string().optional(),
  steps: count.optional(),
  dryRun: z.boolean().default(false),
  plan: z.boolean().default(false),
  failOn: z.enum(['blocks', 'slow']).optional(),
  backfill: z.boolean().default(true),
  allowOutOfOrder: z.boolean().default(false),
  allowEmpty: z.boolean().default(false),
  intoExisting: z.boolean().default(false),
  discardData: z.boolean().default(false),
  restore: z.boolean().optional(),
  schemaFile: z.boolean().default(true),
  wait,
});
