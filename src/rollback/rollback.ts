import * as z from 'zod';
import { objectShape as object } from '../catalog/kinds/kind.ts';
import { lossShape } from '../catalog/losses.ts';

/*
 * How a migration is rolled back, and what the shadow proved about it. These are zod shapes, not only
 * types, because proofs are cached on disk.
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
    'no way', // the planner finds none, or the server rejects it even on empty tables
    'down fails', // the down migration of the folder
    'not as before', // it ran, and the schema differs from the one before the migration
    'rights', // it ran, and the privileges differ
    'up fails', // after the rollback, the migration cannot be applied again
    'not copied', // the migration dropped values without a copy, and nothing restores them
    'up differs', // after the rollback, the migration produces another schema than the first time
  ]),
  /** Where and why, one line each. */
  details: z.array(z.string()),
  /** Between two catalogs that should be equal. */
  differences: z.array(difference),
});
export type Doubt = z.infer<typeof doubt>;

export const rollbackShape = z.object({
  /** Of the migration. */
  name: z.string(),
  /** From the down migration of the folder, or derived by dbops. */
  source: z.enum(['file', 'derived']),
  /** Of a derived rollback, in order. */
  statements: z.array(statement),
  /** What it does to the schema; `extra` objects are dropped, `missing` ones created. */
  changes: z.array(difference),
  /** The rows and values that it destroys, by the names before it. */
  losses: z.array(lossShape),
  /** Empty when it is proven: up, down and up again in a shadow gave the same schema. */
  doubts: z.array(doubt),
});
export type Rollback = z.infer<typeof rollbackShape>;

export function isProven({ doubts }: Rollback): boolean {
  return doubts.length === 0;
}
