import * as z from 'zod';
import { runReport } from '../../reports/run.ts';
import { defineCommand } from '../../command.ts';
import { failOnOf, month, reportFlags, reportOptions } from '../../reports/flags.ts';

export const command = defineCommand({
  description:
    'Shows the usage of every organization and feature against the limit of its plan. Read-only. --explain prints the definitions.',
  options: [
    ['--org <org>', 'report one organization, by slug or id'],
    ['--feature <key>', 'report one feature, such as max_seats'],
    ['--period <month>', 'UTC month such as 2026-11 (default: the month of --as-of)'],
    ['--fail-on <states>', 'exit with 4 when a line has one of these states: over, no-limit-row'],
    ...reportOptions,
  ],
  examples: [
    'dbops report usage',
    'dbops report usage --org acme-studio-test --period 2026-11 --csv',
    'dbops report usage --feature max_seats --fail-on over --json',
  ],
  flags: z.object({
    ...reportFlags,
    org: z.string().min(1, 'expected a slug or an id').optional(),
    feature: z.string().optional(),
    period: month.optional(),
    failOn: failOnOf(['over', 'no-limit-row']),
  }),
  async run(context, { asOf = context.clock(), org, feature, period, failOn, explain }) {
    const { usage } = await context.application.reports();
    const planStatuses = context.settings.planStatuses;
    const now = context.clock();
    const request = { asOf, now, organization: org, feature, period, failOn, planStatuses };
    usage.validate?.(request);
    return runReport(await context.session(), usage, request, { explain });
  },
});
