import * as z from 'zod';
import { folderOf, refuseForgottenTable } from './folder.ts';
import { planUp } from '../migrate/plan.ts';
import { readStatuses } from '../migrate/state.ts';
import { nothingRecorded } from '../migrate/tracking-elsewhere.ts';
import { done, text } from '../report.ts';
import { defineCommand } from './command.ts';
import { count, wait } from './flags.ts';
import { toSteps } from './steps.ts';

export const command = defineCommand({
  description:
    'Applies pending migrations in order, each in its own transaction together with its tracking row. A failure leaves the database as it was before that file.',
  options: [
    ['--to <name>', 'up to and including this one'],
    ['--steps <n>', 'so many at the most'],
    ['--dry-run', 'print the SQL and change nothing'],
    ['--no-backfill', 'refuse, rather than run, a backfill that a migration requires'],
    ['--allow-out-of-order', 'also apply a pending migration that is older than an applied one'],
    ['--wait <duration>', 'how long to wait for another run and for locks (default 60s)'],
  ],
  examples: [
    'dbops migrate up',
    'dbops migrate up --dry-run',
    'dbops migrate up --to 0007_tenancy_expand',
  ],
  flags: z.object({
    to: z.string().optional(),
    steps: count.optional(),
    dryRun: z.boolean().default(false),
    backfill: z.boolean().default(true),
    allowOutOfOrder: z.boolean().default(false),
    wait,
  }),
  async run(context, flags) {
    const [session, folder] = await Promise.all([context.session(), folderOf(context)]);
    const plan = async () => {
      const statuses = await readStatuses(session, folder);
      if (nothingRecorded(statuses)) await refuseForgottenTable(context, session, folder);
      return toSteps(planUp(statuses, flags), 'up', folder.format);
    };
    const steps = await plan();
    if (steps.length === 0)
      return done({ migrations: [] }, text('nothing to do: every migration is applied'));
    // Loading what runs migrations would be a tenth of the time of a run that has nothing to do.
    const { dryRunReport, outcomeReport, runLocked } = await import('./migrate.ts');
    if (flags.dryRun) return dryRunReport(steps, session, folder);
    const { requireBackfill, retireBackfills } = await import('./requirements.ts');
    const requirement = { context, session, patience: flags.wait };
    const before = requireBackfill(requirement, flags.backfill);
    const outcome = await runLocked({ ...requirement, folder, plan, before });
    const error = await retireBackfills(requirement, steps, outcome.results);
    return outcomeReport({ ...(error && { error }), ...outcome }, 'up');
  },
});
