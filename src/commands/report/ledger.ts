import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { readOnly } from '../../db/session.ts';
import { withLedger } from '../../reports/credits/declared.ts';
import { holderOption, month, reportFlags, reportOptions } from '../../reports/flags.ts';
import { ledgerFigures } from '../../reports/ledger/report.ts';
import { monthAround } from '../../reports/period.ts';
import { toReport } from '../../reports/run.ts';

export const command = defineCommand({
  description:
    'Shows the declared credit ledger by holder: opening, in, out and closing of a month, and the number of entries. Read-only. --explain prints the definitions.',
  options: [
    holderOption,
    ['--period <month>', 'UTC month (default: the month of --as-of)'],
    ['--unsettled', 'show the entries that are not settled instead'],
    ...reportOptions,
  ],
  examples: [
    'dbops report ledger',
    'dbops report ledger --period 2026-11 --csv',
    'dbops report ledger --holder pro@example.com --unsettled',
  ],
  flags: z.object({
    ...reportFlags,
    holder: z.string().min(1, 'expected a name or an id').optional(),
    period: month.optional(),
    unsettled: z.boolean().default(false),
  }),
  async run(context, { asOf, holder, unsettled, ...flags }) {
    const credits = withLedger((await context.declared()).credits);
    const session = await context.session();
    const at = asOf ?? context.clock();
    const { period = monthAround(at) } = flags;
    const request = { period, until: asOf, holder, unsettled };
    const figures = await readOnly(session, () => ledgerFigures(session, credits, request));
    return toReport(figures, { asOf: at });
  },
});
