import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { readOnly } from '../../db/session.ts';
import { withEquals } from '../../reports/credits/declared.ts';
import { holderOption, reportFlags, reportOptions } from '../../reports/flags.ts';
import { reconcileFigures } from '../../reports/reconcile/report.ts';
import { toTimelessReport } from '../../reports/run.ts';

export const command = defineCommand({
  description:
    'Lists every holder whose balance is not the sum of the settled ledger, with both figures and the entry from which they differ. Exits with 4 when there is one. Read-only.',
  options: [holderOption, ...reportOptions.filter(([notation]) => !notation.startsWith('--as-of'))],
  examples: [
    'dbops report reconcile',
    'dbops report reconcile --json',
    'dbops report reconcile --holder pro@example.com --explain',
  ],
  flags: z.object({
    csv: reportFlags.csv,
    markdown: reportFlags.markdown,
    explain: reportFlags.explain,
    html: reportFlags.html,
    holder: z.string().min(1, 'expected a name or an id').optional(),
  }),
  async run(context, { holder }) {
    const credits = withEquals((await context.declared()).credits);
    const session = await context.session();
    const figures = await readOnly(session, () => reconcileFigures(session, credits, { holder }));
    return toTimelessReport(figures);
  },
});
