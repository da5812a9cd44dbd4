import * as z from 'zod';
import { parseMonth } from './period.ts';

/** The option of every report, in commander's notation. */
export const htmlOption: [notation: string, description: string] = [
  '--html <file>',
  'also write the report as a page of its own, with a chart',
];

/** The options of every report, in commander's notation. */
export const reportOptions: [notation: string, description: string][] = [
  ['--as-of <time>', 'report as of this time (ISO 8601 with a zone) or day (default: now)'],
  ['--csv', 'print the rows as CSV on stdout'],
  ['--markdown', 'print the rows as a Markdown table on stdout'],
  ['--explain', 'print the definitions of the figures'],
  htmlOption,
];

/** The option of the reports on credits, in commander's notation. */
export const holderOption: [notation: string, description: string] = [
  '--holder <holder>',
  'report one holder, by name or id',
];

const day = z.iso.date();
const instant = z.iso.datetime({ offset: true });

const asOf = z
  .union(
    [instant, day, z.date()],
    'expected a time such as 2026-11-20T12:00:00Z or a day such as 2026-11-20',
  )
  .transform((value) => new Date(value));

/** Parses `YYYY-MM` as the half-open UTC month. */
export const month = z.string().transform((value, context) => {
  const period = parseMonth(value);
  if (period) return period;
  context.addIssue({ code: 'custom', message: 'expected a month such as 2026-11' });
  return z.NEVER;
});

/** The flags of every report; what prints the report reads `--csv`, `--markdown` and `--explain`. */
export const reportFlags = {
  asOf: asOf.optional(),
  csv: z.boolean().default(false),
  markdown: z.boolean().default(false),
  explain: z.boolean().default(false),
  html: z.string().min(1).optional(),
};

/** Parses `over` or `over,stale`: states that make the command exit with 4. */
export function failOnOf<State extends string>(states: readonly [State, ...State[]]) {
  const words = z.string().transform((value) => value.split(',').map((each) => each.trim()));
  return z
    .union([words, z.array(z.string())])
    .pipe(z.array(z.enum(states, `expected ${states.join(', ')}, or several with commas`)))
    .default([]);
}
