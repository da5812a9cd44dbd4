import * as z from 'zod';
import { folderOf, knownStatuses } from '../../open-project.ts';
import { appliedOf, planUp, assertNoDefects } from '../../migrate/plan.ts';
import type { Migration } from '../../migration.ts';
import { nothingRecorded } from '../../runner/tracking-elsewhere.ts';
import type { RunOutcome } from '../../runner/step.ts';
import { done, text } from '../../report.ts';
import { placeFolder } from '../../formats/place.ts';
import type { ExplainRequest } from '../../migrate/explain-duplicate-object.ts';
import { thenSchemaFile } from '../../migrate/then-schema-file.ts';
import { defineCommand } from '../../command.ts';
import { count, wait } from '../../flags.ts';

export const command = defineCommand({
  description:
    'Applies pending migrations in order, each in a transaction of its own together with its tracking row. When a migration fails, the database is as it was before that file. Rows and values that a migration destroys are copied to the schema dbops_rescue first.',
  options: [
    ['--to <name>', 'apply migrations up to and including this one'],
    ['--steps <n>', 'apply at most N migrations'],
    ['--dry-run', 'print the SQL and the changes of the schema, and change nothing'],
    ['--no-backfill', 'refuse a migration whose required backfill is incomplete'],
    ['--allow-out-of-order', 'also apply pending migrations that are older than an applied one'],
    ['--allow-empty', 'also apply and record a migration that has only comments'],
    ['--into-existing', 'apply the first migration to a database that has tables already'],
    ['--discard-data', 'drop rows and values without a copy in dbops_rescue'],
    ['--restore', 'restore rows that an earlier rollback saved, without asking'],
    ['--no-restore', 'leave rows that an earlier rollback saved in dbops_rescue'],
    ['--no-schema-file', 'do not write the schemaFile of the configuration'],
    ['--wait <duration>', 'wait at most this long for another run and for locks (default: 60s)'],
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
    allowEmpty: z.boolean().default(false),
    intoExisting: z.boolean().default(false),
    discardData: z.boolean().default(false),
    restore: z.boolean().optional(),
    schemaFile: z.boolean().default(true),
    wait,
  }),
  async run(context, flags) {
    const [session, read] = await Promise.all([context.session(), folderOf(context)]);
    const folder = await placeFolder(session, read);
    assertNoDefects(folder);
    let applied: Migration[] = [];
    let isFirst = false;
    const plan = async () => {
      const statuses = await knownStatuses(context, session, folder);
      const planned = planUp(statuses, flags);
      applied = appliedOf(statuses);
      isFirst = nothingRecorded(statuses);
      return planned;
    };
    const pending = await plan();
    if (pending.length === 0)
      return done({ migrations: [] }, text('✓ No pending migrations', 'good'));
    if (isFirst && !flags.intoExisting) {
      const { agreeToExistingTables } = await import('../../migrate/existing-tables.ts');
      await agreeToExistingTables({ context, session, folder, patience: flags.wait });
    }
    // Loading what runs migrations would be a tenth of the time of a run that has nothing to do.
    const { assertNoneIsEmpty, dryRunReport, outcomeReport, runLocked, toSteps } =
      await import('../../migrate/run.ts');
    const { expectLosses } = await import('../../migrate/expected-losses.ts');
    const { agreed, guardSteps, planProtection } = await import('../../migrate/protect-rows.ts');
    const { settle } = await import('../../migrate/settle-rows.ts');
    const { agreeToLosses } = await import('../../migrate/agree-to-losses.ts');
    const { missedLines, withPreview, withRows } = await import('../../migrate/rows-report.ts');
    const steps = toSteps(pending, 'up');
    const { readRequired, requireBackfill, retireBackfills } =
      await import('../../migrate/required-backfills.ts');
    if (!flags.allowEmpty) await assertNoneIsEmpty(folder, steps);
    await readRequired(context, steps);
    const { assertKeysAreFree } = await import('../../migrate/inserted-rows.ts');
    await assertKeysAreFree(session, folder, pending);
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
    if (flags.dryRun) {
      const { foreseeChanges, withChanges } = await import('../../migrate/schema-changes.ts');
      const report = await dryRunReport(steps, session, folder);
      const changes = await foreseeChanges({ context, session, folder, applied, pending });
      return withPreview(withChanges(report, changes), protection, flags.discardData);
    }
    const guarding = agreed(protection, await agreeToLosses(rescue, protection));
    const requirement = { context, session, patience: flags.wait };
    const before = requireBackfill(requirement, flags.backfill, flags.restore !== false);
    const guarded = async () => guardSteps(toSteps(await plan(), 'up'), guarding);
    const ended = await runLocked({ ...requirement, folder, plan: guarded, before });
    const outcome = await explainFailure({ context, session, folder }, ended);
    const error = await retireBackfills(requirement, steps, outcome.results);
    const whole = { ...(error && { error }), ...outcome };
    for (const line of missedLines(guarding)) context.note(line);
    const rows = await settle(session, guarding, whole.results);
    return thenSchemaFile(
      { context, session, folder, flags },
      withRows(outcomeReport(whole, 'up'), rows),
    );
  },
});

/** Loading what judges migrations is for runs that failed. */
async function explainFailure(asked: ExplainRequest, outcome: RunOutcome): Promise<RunOutcome> {
  if (!outcome.error) return outcome;
  const { explainDuplicateObject } = await import('../../migrate/explain-duplicate-object.ts');
  return explainDuplicateObject(asked, outcome);
}
