import { hash } from 'node:crypto';
import * as z from 'zod';

/** One column of one table that is filled. Expressions call tables by their names or aliases. */
const targetSchema = z
  .strictObject({
    /** With its schema where `search_path` does not find it. */
    table: z.string(),
    /** `COLUMN = EXPRESSION` */
    set: z.string(),
    /** Where the expression's other values come from: `TABLE` or `TABLE AS alias`. */
    from: z.string().optional(),
    /** Which row of `from` belongs to a row of `table`. */
    on: z.string().optional(),
    /** Which rows it is about; without it, all. */
    where: z.string().optional(),
    /** Which rows need nothing more; without it, those that have a value. */
    done: z.string().optional(),
  })
  .refine(({ from, on }) => (from === undefined) === (on === undefined), {
    message: 'from and on go together',
  });

/** What a file or `backfills` of the configuration holds for one backfill. */
export const definitionSchema = z.strictObject({
  summary: z.string().optional(),
  targets: z.array(targetSchema).min(1),
});

/** By name. */
export const definitionsSchema = z.record(z.string(), definitionSchema);

export type BackfillTarget = z.infer<typeof targetSchema>;

/** A backfill: plain data. To add one to the program: a file here, and a line in `index.ts`. */
export interface Backfill extends z.infer<typeof definitionSchema> {
  name: string;
}

/** Of what is filled and with what: a run goes on only where an equal one stopped. */
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
