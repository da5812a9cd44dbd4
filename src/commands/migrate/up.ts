import { setImmediate } from 'node:timers/promises';
import { appliedOf, planUp, assertNoDefects } from '../../migrate/plan.ts';
import { nothingRecorded } from '../../runner/tracking-state.ts';
import { done, text } from '../../report.ts';
import { placeFolder } from '../../formats/place.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Applies pending migrations in order, each in a transaction of its own together with its tracking row. When a migration fails, the database is as it was before that file. Rows and values that a migration destroys are copied to the schema dbops_rescue first.',
  options: [
    ['--to <name>', 'apply migrations up to and including this one'],
    ['--steps <n>', 'apply at most N migrations'],
    ['--dry-run', 'print the SQL and the changes of the schema, and change nothing'],
    ['--plan', 'plan the migrations first, and ask where one would block the application or fail'],
    [
      '--fail-on <verdict>',
      'plan first, and exit with 4 without asking on blocks and fails (blocks), or on warnings too (slow)',
    ],
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
  flags: {
    defaults: {
      to: undefined,
      steps: undefined,
      dryRun: false,
      plan: false,
      failOn: undefined,
      backfill: true,
      allowOutOfOrder: false,
      allowEmpty: false,
      intoExisting: false,
      discardData: false,
      restore: undefined,
      schemaFile: true,
      wait: 60_000,
    },
    load: async () => (await import('../../migrate/up-flags.ts')).upFlags,
  },
  async run(context, flags) {
    // The server starts its process for the connection while the formats are loaded and the folder is read.
    const connecting = context.session();
    await setImmediate();
    const { folderOf, knownStatuses } = await import('../../open-project.ts');
    const read = await folderOf(context);
    const session = await connecting;
    const folder = await placeFolder(session, read);
    assertNoDefects(folder);
    const statuses = await knownStatuses(context, session, folder);
    const pending = planUp(statuses, flags);
    if (pending.length === 0)
      return done({ migrations: [] }, text('✓ No pending migrations', 'good'));
    if (nothingRecorded(statuses) && !flags.intoExisting) {
      const { agreeToExistingTables } = await import('../../migrate/existing-tables.ts');
      await agreeToExistingTables({ context, session, folder, patience: flags.wait });
    }
    // Loading what runs migrations would be a tenth of the time of a run that has nothing to do.
    const { applyPending } = await import('../../migrate/up.ts');
    const planned = { pending, applied: appliedOf(statuses) };
    const plan = async () => {
      const later = await knownStatuses(context, session, folder);
      return { pending: planUp(later, flags), applied: appliedOf(later) };
    };
    return applyPending({ context, session, folder, flags, planned, plan });
  },
});
