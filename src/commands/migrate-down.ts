import * as z from 'zod';
import { needsConsent, readLabel } from '../db/meta.ts';
import { databaseName } from '../db/target.ts';
import { folderOf } from './folder.ts';
import { usageError } from '../errors.ts';
import { planDown } from '../migrate/plan.ts';
import type { Step } from '../migrate/step.ts';
import { readStatuses } from '../migrate/state.ts';
import { done, text } from '../report.ts';
import { defineCommand } from './command.ts';
import { count, wait } from './flags.ts';
import { dryRunReport, outcomeReport, runLocked } from './migrate.ts';
import { toSteps } from './steps.ts';

export const command = defineCommand({
  description:
    'Rolls migrations back, the newest first: one, or --steps, or all after --to. On a protected, production or unlabelled remote database it needs --confirm.',
  options: [
    ['--to <name>', 'roll back everything after this one; 0 rolls back everything'],
    ['--steps <n>', 'so many (default 1)'],
    ['--dry-run', 'print the SQL and change nothing'],
    ['--wait <duration>', 'how long to wait for another run and for locks (default 60s)'],
  ],
  examples: [
    'dbops migrate down',
    'dbops migrate down --steps 2 --dry-run',
    'dbops migrate down --to 0007_tenancy_expand',
  ],
  flags: z.object({
    to: z.string().optional(),
    steps: count.optional(),
    dryRun: z.boolean().default(false),
    wait,
  }),
  async run(context, flags) {
    const folder = await folderOf(context);
    const session = await context.session();
    const plan = async () =>
      toSteps(planDown(await readStatuses(session, folder), flags), 'down', folder.format);
    const steps = await plan();
    if (steps.length === 0)
      return done({ migrations: [] }, text('nothing to do: no migration is applied'));
    if (flags.dryRun) return dryRunReport(steps, session, folder);
    if (needsConsent(session, await readLabel(session)))
      await context.consent(
        `Rolling back ${steps.map(({ migration }) => migration.name).join(', ')} on ${databaseName(session.target)} drops what they made, with its rows.`,
      );
    const samePlan = async () => refuseOther(steps, await plan());
    const before = async () => {};
    return outcomeReport(
      await runLocked({ context, session, folder, patience: flags.wait, plan: samePlan, before }),
      'down',
    );
  },
});

/** While we waited for the lock, another run may have rolled back what was shown and agreed to. */
function refuseOther(shown: readonly Step[], planned: Step[]): Step[] {
  const names = (steps: readonly Step[]) => steps.map(({ migration }) => migration.name).join(', ');
  if (names(shown) === names(planned)) return planned;
  throw usageError(
    'PLAN.CHANGED',
    'Another run changed what there is to roll back; nothing was changed by this one.',
    'Look at it with dbops migrate status, and run the command again.',
    [`planned: ${names(shown)}`, `now: ${names(planned) || 'nothing'}`],
  );
}
