import * as z from 'zod';
import { folderOf, knownStatuses } from '../../open-project.ts';
import { appliedOf, planUp, refuseDefects } from '../../migrate/plan.ts';
import type { Migration } from '../../migration.ts';
import type { RunOutcome } from '../../runner/step.ts';
import { done, text } from '../../report.ts';
import type { Asked } from '../../migrate/explain-duplicate-object.ts';
import { defineCommand } from '../../command.ts';
import { count, wait } from '../../flags.ts';
import { toSteps } from '../../migrate/steps.ts';

export const command = defineCommand({
  description:
    'Applies pending migrations in order, each in its own transaction together with its tracking row. A failure leaves the database as it was before that file. Rows and values that a migration destroys are copied to dbops_rescue first.',
  options: [
    ['--to <name>', 'up to and including this one'],
    ['--steps <n>', 'so many at the most'],
    ['--dry-run', 'print the SQL and change nothing'],
    ['--no-backfill', 'refuse, rather than run, a backfill that a migration requires'],
    ['--allow-out-of-order', 'also apply a pending migration that is older than an applied one'],
    ['--discard-data', 'drop rows and values without a copy in dbops_rescue'],
    ['--restore', 'restore, without asking, what an earlier rollback saved'],
    ['--no-restore', 'leave in dbops_rescue what an earlier rollback saved'],
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
    discardData: z.boolean().default(false),
    restore: z.boolean().optional(),
    wait,
  }),
  async run(context, flags) {
    const [session, folder] = await Promise.all([context.session(), folderOf(context)]);
    refuseDefects(folder);
    let applied: Migration[] = [];
    const plan = async () => {
      const statuses = await knownStatuses(context, session, folder);
      const planned = planUp(statuses, flags);
      applied = appliedOf(statuses);
      return toSteps(planned, 'up');
    };
    const steps = await plan();
    if (steps.length === 0)
      return done({ migrations: [] }, text('nothing to do: every migration is applied'));
    // Loading what runs migrations would be a tenth of the time of a run that has nothing to do.
    const { dryRunReport, outcomeReport, runLocked } = await import('../../migrate/run.ts');
    const { expectLosses } = await import('../../migrate/expected-losses.ts');
    const { agreed, guardSteps, planProtection } = await import('../../migrate/protect-rows.ts');
    const { settle } = await import('../../migrate/settle-rows.ts');
    const { agreeToLosses } = await import('../agree-to-losses.ts');
    const { missedLines, withPreview, withRows } = await import('../rows-report.ts');
    const rescue = { context, session, folder, flags };
    const expected = await expectLosses(rescue, applied, steps);
    const tracking = folder.tracking.table;
    const protection = await planProtection({
      session,
      tracking,
      direction: 'up',
      steps,
      expected,
    });
    if (flags.dryRun)
      return withPreview(await dryRunReport(steps, session, folder), protection, flags.discardData);
    const guarding = agreed(protection, await agreeToLosses(rescue, protection));
    const { requireBackfill, retireBackfills } =
      await import('../../migrate/required-backfills.ts');
    const requirement = { context, session, patience: flags.wait };
    const before = requireBackfill(requirement, flags.backfill);
    const guarded = async () => guardSteps(await plan(), guarding);
    const ended = await runLocked({ ...requirement, folder, plan: guarded, before });
    const outcome = await explainFailure({ context, session, folder }, ended);
    const error = await retireBackfills(requirement, steps, outcome.results);
    const whole = { ...(error && { error }), ...outcome };
    for (const line of missedLines(guarding)) context.note(line);
    const rows = await settle(session, guarding, whole.results);
    return withRows(outcomeReport(whole, 'up'), rows);
  },
});

/** Loading what judges migrations is for runs that failed. */
async function explainFailure(asked: Asked, outcome: RunOutcome): Promise<RunOutcome> {
  if (!outcome.error) return outcome;
  const { tellAlreadyThere } = await import('../../migrate/explain-duplicate-object.ts');
  return tellAlreadyThere(asked, outcome);
}
