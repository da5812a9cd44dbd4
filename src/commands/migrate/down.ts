import { relative } from 'node:path';
import * as z from 'zod';
import type { Context } from '../../context.ts';
import type { Folder } from '../../formats/format.ts';
import { appliedOf, asRecorded, planDown } from '../../migrate/plan.ts';
import { settle } from '../../migrate/settle-rows.ts';
import type { Rollback } from '../../rollback/rollback.ts';
import { readStatuses } from '../../runner/tracking-state.ts';
import type { Migration } from '../../migration.ts';
import type { RunData } from '../../documents.ts';
import { done, text, type Report } from '../../report.ts';
import { placeFolder } from '../../formats/place.ts';
import { thenSchemaFile } from '../../migrate/then-schema-file.ts';
import { defineCommand } from '../../command.ts';
import { folderOf, knownStatuses } from '../../open-project.ts';
import { outcomeReport, runLocked } from '../../migrate/run.ts';
import { receiptOf, rollbackJson } from '../../migrate/receipt.ts';
import {
  agreeToRollback,
  guardRollback,
  prepareRollback,
  recordedVersion,
  assertSamePlan,
  rollbackFlags,
  rollbackOptions,
} from '../../migrate/down.ts';
import { assertProven } from '../../migrate/find-down.ts';
import { retireBackfills } from '../../migrate/required-backfills.ts';
import { missedLines, withPreview, withRows } from '../../migrate/rows-report.ts';

export const command = defineCommand({
  description:
    'Rolls back the newest migration, the newest N, or all after --to. Uses the down migration of the folder, or generates one from the schema. Either is proven first: in a shadow database, up, down and up again must produce the same schema. Rows and values that a rollback destroys are saved to dbops_rescue; rows that the migration had destroyed are restored. A protected, production or unlabelled remote database requires --confirm.',
  options: [
    ['--dry-run', 'print the SQL, its locks and what is proven; change nothing'],
    ['--write', 'write generated rollbacks beside their migrations for review; change no database'],
    ...rollbackOptions,
    ['--no-restore', 'do not restore rows that the migration had destroyed'],
    ['--wait <duration>', 'wait at most this long for another run and for locks (default: 60s)'],
  ],
  examples: [
    'dbops migrate down --dry-run',
    'dbops migrate down --to 0007_tenancy_expand',
    'dbops migrate down --write',
  ],
  flags: rollbackFlags.extend({ write: z.boolean().default(false) }),
  async run(context, flags) {
    const read = await folderOf(context);
    const session = await context.session();
    const folder = await placeFolder(session, read);
    const found = await knownStatuses(context, session, folder);
    const asked = { context, session, folder, statuses: found };
    const version = flags.write ? undefined : await recordedVersion(asked);
    const statuses = asRecorded(found, version);
    const migrations = planDown(statuses, flags);
    if (migrations.length === 0)
      return done({ migrations: [] }, text('nothing to do: no migration is applied'));
    const applied = appliedOf(statuses);
    const pending = statuses.flatMap(({ name, state }) => (state === 'pending' ? name : []));
    const wanted = { context, session, folder, migrations, flags, applied, pending };
    const prepared = await prepareRollback(wanted);
    const { rollbacks, protection } = prepared;
    if (flags.write) return writeAll(context, folder, migrations, rollbacks);
    if (flags.dryRun)
      return withPreview(await receiptOf(prepared, session, folder), protection, flags.discardData);
    const guarding = await agreeToRollback(wanted, prepared);
    const outcome = await runLocked({
      context,
      session,
      folder,
      patience: flags.wait,
      before: async () => {},
      plan: async () => {
        assertSamePlan(
          migrations,
          planDown(asRecorded(await readStatuses(session, folder), version), flags),
        );
        return guardRollback(prepared, guarding);
      },
    });
    const retirement = { context, session, patience: flags.wait };
    const error = await retireBackfills(retirement, [], outcome.results);
    const whole = { ...(error && { error }), ...outcome };
    const report = outcomeReport(whole, 'down', ({ name }) => rollbackJson(prepared, name));
    for (const line of missedLines(guarding)) context.note(line);
    const rows = await settle(session, guarding, outcome.results);
    return thenSchemaFile({ context, session, folder, flags }, withRows(report, rows));
  },
});

async function writeAll(
  { io }: Context,
  { format }: Folder,
  migrations: readonly Migration[],
  rollbacks: readonly Rollback[],
): Promise<Report<RunData>> {
  const without = migrations.filter(({ down }) => !down);
  const derived = rollbacks.filter(({ source }) => source === 'derived');
  assertProven(derived, without);
  const { writeRollback } = await import('../../rollback/write-down-file.ts');
  const files = without.flatMap((migration) => {
    const rollback = derived.find(({ name }) => name === migration.name);
    return rollback ? [relative(io.cwd, writeRollback(migration, rollback, format))] : [];
  });
  return done(
    { migrations: [], files },
    ...files.map((file) => text(`✓ ${file}`, 'good')),
    text(
      files.length > 0
        ? '→ Review the files, then run: dbops migrate down'
        : '✓ Every migration has a down migration',
    ),
  );
}
