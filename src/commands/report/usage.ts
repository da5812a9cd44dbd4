import * as z from 'zod';
import { runReport } from '../../reports/run.ts';
import { defineCommand } from '../../command.ts';
import { month, reportFlags, reportOptions } from '../../reports/flags.ts';

export const command = defineCommand({
  description:
    'Usage of every organization and feature against the limit of its plan: what is used, the limit, percent and state. Read-only.',
  options: [
    ['--org <org>', 'one organization, by slug or id'],
    ['--feature <key>', 'one feature, such as max_seats'],
    ['--period <month>', 'a UTC month such as 2026-11 (default: the one of --as-of)'],
    ['--fail-on <state>', 'over: exit code 4 when anything is over its limit'],
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
    failOn: z.literal('over', 'expected over').optional(),
  }),
  async run(context, { asOf = context.clock(), org, feature, period, failOn, explain }) {
    const { usage } = await context.application.reports();
    const failOnOver = failOn === 'over';
    const request = { asOf, organization: org, feature, period, failOnOver };
    usage.validate?.(request);
    return runReport(await context.session(), usage, request, { explain });
  },
});
