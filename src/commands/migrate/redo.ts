import { appliedOf, asRecorded, currentOf, planDown } from '../../migrate/plan.ts';
import { agreed, guardSteps, planProtection } from '../../migrate/protect-rows.ts';
import { settle } from '../../migrate/settle-rows.ts';
import { readStatuses } from '../../runner/tracking-state.ts';
import { done, text } from '../../report.ts';
import { placeFolder } from '../../formats/place.ts';
import { thenSchemaFile } from '../../migrate/then-schema-file.ts';
import { defineCommand } from '../../command.ts';
import { expectLosses } from '../../migrate/expected-losses.ts';
import { folderOf, knownStatuses } from '../../open-project.ts';
import { outcomeReport, runLocked } from '../../migrate/run.ts';
import { receiptOf, rollbackJson } from '../../migrate/receipt.ts';
import { assertNoKeyStays } from '../../migrate/inserted-rows.ts';
import {
  readRequired,
  requireBackfill,
  retireBackfills,
} from '../../migrate/required-backfills.ts';
import {
  agreeToRollback,
  guardRollback,
  prepareRollback,
  recordedVersion,
  assertSamePlan,
  rollbackFlags,
  rollbackOptions,
} from '../../migrate/down.ts';
import { missedLines, withPreview, withRows } from '../../migrate/rows-report.ts';
import { toSteps } from '../../migrate/run.ts';

export const command = defineCommand({
  description:
    'Rolls back the newest migrations and applies them again, under one lock; for a migration that is still being written. As with down, every rollback is proven first. Rows and values that a rollback destroys are saved, and restored at the end.',
  options: [
    ['--dry-run', 'print the SQL of the rollbacks; change nothing'],
    ...rollbackOptions,
    ['--no-restore', 'leave saved rows in dbops_rescue'],
    ['--wait <duration>', 'wait at most this long for another run and for locks (default: 60s)'],
  ],
  examples: ['dbops migrate redo', 'dbops migrate redo --steps 2'],
  flags: rollbackFlags,
  async run(context, flags) {
    const read = await folderOf(context);
    const session = await context.session();
    const folder = await placeFolder(session, read);
    const found = await knownStatuses(context, session, folder);
    const version = await recordedVersion({ context, session, folder, statuses: found });
    const statuses = asRecorded(found, version);
    const migrations = planDown(statuses, flags);
    if (migrations.length === 0)
      return done({ migrations: [] }, text('✓ No applied migrations', 'good'));
    const applied = appliedOf(statuses);
    const wanted = { context, session, folder, migrations, flags, applied };
    const prepared = await prepareRollback(wanted);
    const { protection } = prepared;
    if (flags.dryRun)
      return withPreview(await receiptOf(prepared, session, folder), protection, flags.discardData);
    const guarding = await agreeToRollback(wanted, prepared);
    await assertNoKeyStays(session, prepared.staying);
    const again = toSteps(
      migrations.toReversed().map((each) => currentOf(each, version)),
      'up',
    );
    await readRequired(context, again);
    const rescue = { context, session, folder, flags };
    const before = applied.slice(0, applied.length - migrations.length);
    const protectionAgain = await planProtection({
      session,
      tracking: folder.tracking.table,
      direction: 'up',
      steps: again,
      expected: await expectLosses(rescue, before, again),
      copiedWithin: again.map(({ migration }) => migration.name),
    });
    const guardingAgain = agreed(protectionAgain, guarding.agreement);
    const requirement = { context, session, patience: flags.wait };
    const ran = await runLocked({
      ...requirement,
      folder,
      before: requireBackfill(requirement, true, flags.restore),
      plan: async () => {
        assertSamePlan(
          migrations,
          planDown(asRecorded(await readStatuses(session, folder), version), flags),
        );
        return [...guardRollback(prepared, guarding), ...guardSteps(again, guardingAgain)];
      },
    });
    const error = await retireBackfills(requirement, again, ran.results);
    const outcome = { ...(error && { error }), ...ran };
    const report = outcomeReport(outcome, 'redo', ({ name, direction }) =>
      direction === 'down' ? rollbackJson(prepared, name) : {},
    );
    for (const line of [guarding, guardingAgain].flatMap(missedLines)) context.note(line);
    const { results } = outcome;
    const down = await settle(session, guarding, results);
    const up = await settle(session, guardingAgain, results);
    return thenSchemaFile({ context, session, folder, flags }, withRows(report, down, up));
  },
});
