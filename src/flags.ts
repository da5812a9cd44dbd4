import * as z from 'zod';
import { duration } from './declared/definition.ts';
import { parseDuration } from './output/duration.ts';

const expectedCount = 'expected a whole number of at least 1';

/** A positive whole number; the command line passes text, the API numbers. */
export const count = z.union(
  [
    z.int().min(1, expectedCount),
    z
      .string()
      .regex(/^[1-9]\d*$/, expectedCount)
      .transform(Number),
  ],
  expectedCount,
);

/** Milliseconds of a duration such as `2s`. */
export const milliseconds = duration;

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
