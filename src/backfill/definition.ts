import { hash } from 'node:crypto';
import * as z from 'zod';

/** One column of one table to fill. Expressions refer to tables by name or alias. */
const targetSchema = z
  .strictObject({
    /** Schema-qualified if it is not on the `search_path`. */
    table: z.string(),
    /** `COLUMN = EXPRESSION` */
    set: z.string(),
    /** The table that the expression reads: `TABLE` or `TABLE AS alias`. */
    from: z.string().optional(),
    /** Condition that joins a row of `from` to a row of `table`. */
    on: z.string().optional(),
    /** Rows to consider; default: all. */
    where: z.string().optional(),
    /** Rows that need nothing; default: those with a value. */
    done: z.string().optional(),
  })
  .refine(({ from, on }) => (from === undefined) === (on === undefined), {
    message: 'from and on must be used together',
  });

/** The definition of a backfill in a file or in `backfills` of the configuration. */
export const definitionSchema = z.strictObject({
  summary: z.string().optional(),
  targets: z.array(targetSchema).min(1),
});

/** Definitions by name. */
export const definitionsSchema = z.record(z.string(), definitionSchema);

export type Definitions = z.infer<typeof definitionsSchema>;
export type BackfillTarget = z.infer<typeof targetSchema>;
export type BackfillDefinition = z.infer<typeof definitionSchema>;

/** A backfill with its name. */
export interface Backfill extends BackfillDefinition {
  name: string;
}

/** Returns a hash of the targets: only a run of the same definition is resumed. */
export function hashOf({ targets }: Backfill): string {
  const ordered = targets.map(({ table, set, from, on, where, done }) => [
    table,
    set,
    from ?? null,
    on ?? null,
    where ?? null,
    done ?? null,
  ]);
  return hash('sha256', JSON.stringify(ordered));
}
