import * as z from 'zod';
import { objectShape as object } from '../catalog/kinds/kind.ts';
import { lossShape } from '../catalog/losses.ts';

/*
 * How a migration is taken back, and what is known of that before it touches a database. These are
 * shapes, not only types: a proof is kept on disk and read again.
 */

const detail = z.object({ word: z.string(), expected: z.unknown(), live: z.unknown() });

const difference = z.discriminatedUnion('change', [
  z.object({ change: z.literal('missing'), object }),
  z.object({ change: z.literal('extra'), object }),
  z.object({ change: z.literal('different'), object, details: z.array(detail) }),
]);

const statement = z.object({
  sql: z.string(),
  lock: z.string().optional(),
  rewrites: z.boolean(),
  phase: z.enum(['structure', 'rules']),
  underivable: z.object({ schema: z.string(), table: z.string(), column: z.string() }).optional(),
});

/** Why a rollback is not proven. */
const doubt = z.object({
  reason: z.enum([
    'no way', // the planner knows none, or the server refuses it on empty tables already
    'down fails', // the folder's own down
    'not as before', // it ran, and the catalog is another one
    'rights', // it ran, and other roles may do other things
    'up fails', // after the rollback, the migration can not be run again
    'up differs', // after the rollback, the migration makes something else than at first
  ]),
  /** Where and why, a line each. */
  details: z.array(z.string()),
  /** Of two catalogs that should be equal. */
  differences: z.array(difference),
});
export type Doubt = z.infer<typeof doubt>;

export const rollbackShape = z.object({
  /** Of the migration. */
  name: z.string(),
  /** The folder's own down, or one that was derived from the catalogs. */
  source: z.enum(['file', 'derived']),
  /** Of a derived one, in order. */
  statements: z.array(statement),
  /** What it does to the catalog, read from before to after: extra is what it takes away. */
  changes: z.array(difference),
  /** What it takes away of rows, under the names before it. */
  losses: z.array(lossShape),
  /** Empty when it is proven: up, down and up again in a shadow gave equal catalogs. */
  doubts: z.array(doubt),
});
export type Rollback = z.infer<typeof rollbackShape>;

export function isProven({ doubts }: Rollback): boolean {
  return doubts.length === 0;
}
