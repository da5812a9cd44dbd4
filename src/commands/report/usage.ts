import * as z from 'zod';
import { declaredUsage, reportUsage, requestedMeters } from '../../reports/usage/run.ts';
import { defineCommand } from '../../command.ts';
import { failOnOf, month, reportFlags, reportOptions } from '../../reports/flags.ts';

const subject = z.string().min(1, 'expected a slug or an id').optional();
const meter = z.string().optional();

export const command = defineCommand({
  description:
    'Shows the usage of every subject and meter that the configuration declares, against the limit of its plan. Read-only. --explain prints the definitions.',
  options: [
    ['--subject <subject>', 'report one subject, by slug or id'],
    ['--meter <name>', 'report one meter, such as max_seats'],
    ['--period <month>', 'UTC month such as 2026-11 (default: the month of --as-of)'],
    ['--fail-on <states>', 'exit with 4 when a line has one of these states: over, no-limit-row'],
    ['--org <org>', 'the former name of --subject'],
    ['--feature <key>', 'the former name of --meter'],
    ...reportOptions,
  ],
  examples: [
    'dbops report usage',
    'dbops report usage --subject acme-studio-test --period 2026-11 --csv',
    'dbops report usage --meter max_seats --fail-on over --json',
  ],
  flags: z.object({
    ...reportFlags,
    subject,
    meter,
    org: subject,
    feature: meter,
    period: month.optional(),
    failOn: failOnOf(['over', 'no-limit-row']),
  }),
  async run(context, { asOf = context.clock(), period, failOn, ...filters }) {
    const request = {
      asOf,
      now: context.clock(),
      subject: filters.subject ?? filters.org,
      meter: filters.meter ?? filters.feature,
      period,
      failOn,
    };
    const usage = declaredUsage((await context.declared()).usage);
    requestedMeters(usage, request);
    return reportUsage(await context.session(), usage, request);
  },
});
