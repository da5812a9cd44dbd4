import * as z from 'zod';
import { parseDuration } from '../output/duration.ts';

/** A positive whole number. */
export const count = z
  .string()
  .regex(/^[1-9]\d*$/, 'expected a whole number of at least 1')
  .transform(Number);

/** Milliseconds of a duration such as `2s`. */
export const milliseconds = z.string().transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'expected a duration such as 500ms, 2s or 5m' });
  return z.NEVER;
});

/** `--wait`: how long to wait for another run and for locks. */
export const wait = milliseconds.default(60_000);

/** No options and no arguments. */
export const none = z.object({});
