import * as z from 'zod';
import { runReport } from '../../reports/run.ts';
import { defineCommand } from '../../command.ts';
import { failOnOf, reportFlags, reportOptions } from '../../reports/flags.ts';

export const command = defineCommand({
  description:
    'Shows the credits of every user and type: granted, used, left, next reset, and rows that are stale or overdrawn. Read-only. --explain prints the definitions.',
  options: [
    ['--user <email>', 'report one user'],
    ['--fail-on <states>', 'exit with 4 when a row has one of these states: over, stale'],
    ...reportOptions,
  ],
  examples: [
    'dbops report credits',
    'dbops report credits --user pro@example.com --json',
    'dbops report credits --as-of 2026-11-30T23:59:59Z --csv',
  ],
  flags: z.object({
    ...reportFlags,
    failOn: failOnOf(['over', 'stale']),
    user: z.string().min(1, 'expected an e-mail address').optional(),
  }),
  async run(context, { asOf = context.clock(), user, failOn }) {
    const { credits } = await context.application.reports();
    return runReport(await context.session(), credits, { asOf, user, failOn });
  },
});
