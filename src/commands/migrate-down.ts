import { relative } from 'node:path';
import * as z from 'zod';
import type { Context } from '../context.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { appliedOf, planDown } from '../migrate/plan.ts';
import { isProven, type Rollback } from '../migrate/rollback/rollback.ts';
import { derivedStep } from '../migrate/rollback/step.ts';
import { writeRollback } from '../migrate/rollback/write.ts';
import type { Step } from '../migrate/step.ts';
import { readStatuses } from '../migrate/state.ts';
import type { Migration } from '../migration.ts';
import { done, text, type Report } from '../report.ts';
import { defineCommand } from './command.ts';
import { count, wait } from './flags.ts';
import { folderOf } from './folder.ts';
import { outcomeReport, runLocked } from './migrate.ts';
import { receiptOf, rollbackJson } from './receipt.ts';
import { refuseUnproven, rollbacksOf } from './rollbacks.ts';
import { toSteps } from './steps.ts';

export const command = defineCommand({
  description:
    'Rolls migrations back, the newest first: one, or --steps, or all after --to. Where the folder has no down it is derived from the catalogs. Both kinds are proven first: up, down and up again in a shadow give the same schema. On a protected, production or unlabelled remote database it needs --confirm.',
  options: [
    ['--to <name>', 'roll back everything after this one; 0 rolls back everything'],
    ['--steps <n>', 'so many (default 1)'],
    ['--dry-run', 'print the receipt: the SQL, its locks, what is proven; change nothing'],
    ['--write', 'store derived rollbacks beside their migrations, for review; change no database'],
    ['--unproven', 'run it although it is not proven: the schema may be another one than before'],
    ['--shadow-from <source>', 'folder or live: what the shadow begins with (chosen by itself)'],
    ['--wait <duration>', 'how long to wait for another run and for locks (default 60s)'],
  ],
  examples: [
    'dbops migrate down --dry-run',
    'dbops migrate down --steps 2',
    'dbops migrate down --to 0007_tenancy_expand',
    'dbops migrate down --write',
  ],
  flags: z.object({
    to: z.string().optional(),
    steps: count.optional(),
    dryRun: z.boolean().default(false),
    write: z.boolean().default(false),
    unproven: z.boolean().default(false),
    shadowFrom: z.enum(['folder', 'live']).optional(),
    wait,
  }),
  async run(context, flags) {
    const folder = await folderOf(context);
    const session = await context.session();
    const plan = async () => planDown(await readStatuses(session, folder), flags);
    const migrations = await plan();
    if (migrations.length === 0)
      return done({ migrations: [] }, text('nothing to do: no migration is applied'));
    const applied = appliedOf(await readStatuses(session, folder));
    const rollbacks = await rollbacksOf({
      ...{ context, session, folder, applied },
      steps: migrations.length,
      shadowFrom: flags.shadowFrom,
    });
    if (flags.write) return writeAll(context, folder, migrations, rollbacks);
    const steps = toRollbackSteps(migrations, rollbacks);
    if (flags.dryRun) return receiptOf(steps, rollbacks, session, folder);
    if (!flags.unproven) refuseUnproven(rollbacks);
    await agree(context, session, rollbacks);
    const samePlan = async () => {
      refuseOther(migrations, await plan());
      return steps;
    };
    const before = async () => {};
    const outcome = await runLocked({
      ...{ context, session, folder, before },
      patience: flags.wait,
      plan: samePlan,
    });
    return outcomeReport(outcome, 'down', (migration) =>
      Object.fromEntries(
        rollbacks
          .filter(({ name }) => name === migration)
          .map((rollback) => ['rollback', rollbackJson(rollback)]),
      ),
    );
  },
});

function toRollbackSteps(migrations: readonly Migration[], rollbacks: readonly Rollback[]): Step[] {
  return migrations.flatMap((migration) => {
    if (migration.down) return toSteps([migration], 'down');
    const rollback = rollbacks.find(({ name }) => name === migration.name);
    return rollback && rollback.statements.length > 0 ? [derivedStep(migration, rollback)] : [];
  });
}

function writeAll(
  { io }: Context,
  { format }: Folder,
  migrations: readonly Migration[],
  rollbacks: readonly Rollback[],
): Report {
  const derived = rollbacks.filter(({ source }) => source === 'derived');
  refuseUnproven(derived);
  const files = derived.flatMap((rollback) => {
    const migration = migrations.find(({ name }) => name === rollback.name);
    return migration ? [relative(io.cwd, writeRollback(migration, rollback, format))] : [];
  });
  return done(
    { files },
    ...files.map((file) => text(`✓ ${file}`, 'good')),
    text(
      files.length > 0
        ? '→ Review it, then: dbops migrate down'
        : 'nothing to write: each has a rollback of its own',
    ),
  );
}

async function agree(context: Context, session: Session, rollbacks: readonly Rollback[]) {
  if (!needsConsent(session, await readLabel(session))) return;
  const names = rollbacks.map(({ name }) => name).join(', ');
  const unproven = rollbacks.some((rollback) => !isProven(rollback))
    ? ', which is not proven,'
    : '';
  await context.consent(
    `Rolling back ${names}${unproven} on ${databaseName(session.target)} takes away what it made.`,
  );
}

/** While we waited for the lock, another run may have rolled back what was shown and agreed to. */
function refuseOther(shown: readonly Migration[], planned: readonly Migration[]): void {
  const names = (migrations: readonly Migration[]) => migrations.map(({ name }) => name).join(', ');
  if (names(shown) === names(planned)) return;
  throw usageError(
    'PLAN.CHANGED',
    'Another run changed what there is to roll back; nothing was changed by this one.',
    'Look at it with dbops migrate status, and run the command again.',
    [`planned: ${names(shown)}`, `now: ${names(planned) || 'nothing'}`],
  );
}
