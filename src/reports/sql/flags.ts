import * as z from 'zod';
import { duration } from '../../declared/definition.ts';
import { count } from '../../flags.ts';
import { htmlOption } from '../flags.ts';

/** The options of reports of one's own, in commander's notation. */
export const queryOptions: [notation: string, description: string][] = [
  ['--param <values...>', 'values of parameters, each as NAME=VALUE'],
  ['--limit <n>', 'print at most N rows (default: 1000)'],
  ['--all', 'print all rows, however many'],
  ['--timeout <duration>', 'cancel the query after this long (default: 30s)'],
  ['--csv', 'print the rows as CSV on stdout'],
  ['--markdown', 'print the rows as a Markdown table on stdout'],
  htmlOption,
];

export const queryFlags = {
  param: z.array(z.string()).default([]),
  limit: count.optional(),
  all: z.boolean().default(false),
  timeout: duration.optional(),
  csv: z.boolean().default(false),
  markdown: z.boolean().default(false),
  html: z.string().min(1).optional(),
  /** Of the API: the rows are returned, and not printed as they arrive. */
  isHeld: z.boolean().default(false),
};

/** Returns the number of rows to read. */
export function limitOf({ limit, all }: { limit?: number | undefined; all: boolean }): number {
  return all ? Infinity : (limit ?? 1_000);
}
