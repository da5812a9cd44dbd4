import * as z from 'zod';

/** The progress of a file that runs statement by statement. */
const checkpointShape = z.object({
  migration: z.string(),
  direction: z.enum(['up', 'down']),
  /** Hash of the text that was run. */
  hash: z.string(),
  /** Number of committed parts. */
  done: z.int(),
  /** The part after those, which cannot share a transaction with its checkpoint, was started. */
  begun: z.boolean(),
  /** The state that this part changes, before it ran (see `concurrent-effect.ts`). */
  before: z.string().nullable(),
  /** Tables that the committed parts used and that were dropped or recreated since. */
  gone: z.array(z.string()),
});
export type Checkpoint = z.infer<typeof checkpointShape>;

const checkpointRow = checkpointShape.extend({
  /** Whether the tracking table has the same OID as before. */
  isOfTable: z.boolean(),
});
export type CheckpointRow = z.infer<typeof checkpointRow>;

/** The rows of `dbops.checkpoints` that concern a tracking table. */
export const checkpointRows = z.array(checkpointRow);
