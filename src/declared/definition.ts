import * as z from 'zod';
import { parseDuration } from '../output/duration.ts';

export { ref, sql, type SeedReference } from './values.ts';

/** Milliseconds, as a number or as a duration such as `2s`. */
export const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const milliseconds = typeof value === 'number' ? value : parseDuration(value);
  if (milliseconds !== undefined && milliseconds >= 0) return milliseconds;
  context.addIssue({ code: 'custom', message: 'expected a duration such as 500ms, 2s or 5m' });
  return z.NEVER;
});

/** One SQL expression over the tables of its `from`; its form is read when it is used. */
export const expression = z.string().trim().min(1);

/** A table, or tables with their joins, as after FROM. */
export const fromClause = z.string().trim().min(1);

/** The word by which something declared is named on the command line and in findings. */
export const declaredName = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_.:-]*$/u, 'expected letters, digits, _, -, . and :');
