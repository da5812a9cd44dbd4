import * as z from 'zod';
import { runReport } from '../../reports/run.ts';
import { features } from '../../reference/reports/usage-measures.ts';
import { usage } from '../../reference/reports/usage.ts';
import { defineCommand } from '../../command.ts';
import { month, reportFlags, reportOptions } from '../../reports/flags.ts';

const wrongFeature = `expected one of ${features.join(', ')}`;

export const command = defineCommand({
  description:
    'Shows the usage of every organization and feature against the limit of its plan. Read-only. --explain prints the definitions.',
  options: [
    ['--org <org>', 'report one organization, by slug or id'],
    ['--feature <key>', `report one feature: ${features.join(', ')}`],
    ['--period <month>', 'UTC month such as 2026-11 (default: the month of --as-of)'],
    ['--fail-on <state>', 'over: exit with 4 when any usage exceeds its limit'],
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
    feature: z.enum(features, wrongFeature).optional(),
    period: month.optional(),
    failOn: z.literal('over', 'expected over').optional(),
  }),
  async run(context, { asOf = context.clock(), org, feature, period, failOn }) {
    const session = await context.session();
    const failOnOver = failOn === 'over';
    return runReport(session, usage, { asOf, organization: org, feature, period, failOnOver });
  },
});
