import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { readOnly } from '../../db/session.ts';
import { withBalances } from '../../reports/credits/declared.ts';
import { creditsFigures } from '../../reports/credits/report.ts';
import { failOnOf, holderOption, reportFlags, reportOptions } from '../../reports/flags.ts';
import { toReport } from '../../reports/run.ts';

export const command = defineCommand({
  description:
    'Shows the declared credits of every holder and kind: granted, used, left, next reset, and rows that are stale or overdrawn. Read-only. --explain prints the definitions.',
  options: [
    holderOption,
    ['--user <holder>', 'the old name of --holder'],
    ['--fail-on <states>', 'exit with 4 when a row has one of these states: over, stale'],
    ...reportOptions,
  ],
  examples: [
    'dbops report credits',
    'dbops report credits --holder pro@example.com --json',
    'dbops report credits --as-of 2026-11-30T23:59:59Z --csv',
  ],
  flags: z.object({
    ...reportFlags,
    failOn: failOnOf(['over', 'stale']),
    holder: z.string().min(1, 'expected a name or an id').optional(),
    user: z.string().min(1, 'expected a name or an id').optional(),
  }),
  async run(context, { asOf = context.clock(), user, holder = user, failOn }) {
    const credits = withBalances((await context.declared()).credits);
    const session = await context.session();
    const request = { asOf, holder, failOn };
    const figures = await readOnly(session, () => creditsFigures(session, credits, request));
    return toReport(figures, request);
  },
});
