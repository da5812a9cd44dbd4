import * as z from 'zod';
import { parseDuration } from './output/duration.ts';

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

/** `--wait`: milliseconds to wait for another run and for locks. */
export const wait = milliseconds.default(60_000);

/** Milliseconds of an age such as `30d`. */
export const age = z.string().transform((value, context) => {
  const days = /^(\d+)d$/.exec(value)?.[1];
  const parsed = days === undefined ? parseDuration(value) : Number(days) * 86_400_000;
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'expected an age such as 30d or 12h' });
  return z.NEVER;
});

/** The flags of a command without options and arguments. */
export const none = z.object({});
