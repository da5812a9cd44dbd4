import * as z from 'zod';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { wait } from '../flags.ts';
import type { Folder } from '../formats/format.ts';
import { placeFolder } from '../formats/place.ts';
import { underLocks } from '../migrate/run.ts';
import { folderOf } from '../open-project.ts';
import { formatCount } from '../output/number.ts';
import { applyRepair } from '../repair/apply.ts';
import type { Repair } from '../repair/findings.ts';
import { refuseUnproven, runApart, runWithin } from '../repair/partial-files.ts';
import { inspectedRepair } from '../repair/inspect-repair.ts';
import { prepareRepair } from '../repair/prepare.ts';
import { repairReport, undoneReport } from '../repair/report.ts';
import { readMove, refuseFromAlone } from '../repair/switch-tool.ts';
import { undoRepair } from '../repair/undo.ts';
import type { Report } from '../report.ts';
import { reportOptions } from '../output/findings/requested.ts';
import { reportFlags } from '../report-flags.ts';

const flagsShape = z.object({
  apply: z.boolean().default(false),
  undo: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  assume: z.array(z.string()).default([]),
  finish: z.string().optional(),
  adopt: z.string().optional(),
  from: z.string().optional(),
  takeBack: z.string().optional(),
  wait,
  ...reportFlags,
});
type Flags = z.infer<typeof flagsShape>;

export const command = defineCommand({
  description:
    'Proves from the schema which migrations are applied, and updates the tracking table to match. Without --apply it prints the proof and the SQL, and changes nothing. On a protected, production or unlabelled remote database, --apply and --undo require --confirm.',
  options: [
    ['--apply', 'repair the tracking table in one transaction, with a record to undo it'],
    ['--undo', 'restore the tracking table to its state before the newest repair'],
    ['--assume <name...>', 'also record this migration, which the schema cannot prove'],
    ['--finish <name>', 'run the missing statements of a partly applied migration'],
    ['--take-back <name>', 'undo the applied statements of a partly applied migration'],
    ['--adopt <format>', "write the proven state to this tool's tracking table"],
    ['--from <dir>', 'with --adopt: migrations folder of the previous tool'],
    ['--dry-run', 'change nothing (the default)'],
    ['--wait <duration>', 'wait at most this long for another run (default: 60s)'],
    ...reportOptions,
  ],
  examples: [
    'dbops repair-tracking --verbose',
    'dbops repair-tracking --apply',
    'dbops repair-tracking --adopt drizzle --from prisma/migrations',
  ],
  flags: flagsShape,
  async run(context, flags) {
    refuseFromAlone(flags);
    const { adopt } = flags;
    const named = adopt === undefined ? undefined : readMove(context, { ...flags, adopt });
    const [session, read] = await Promise.all([context.session(), named?.to ?? folderOf(context)]);
    const folder = await placeFolder(session, read);
    const from = named?.from && (await placeFolder(session, named.from));
    const move = named && { to: folder, ...(from && { from }) };
    if (flags.undo) return undo(context, session, { folder, flags });
    const repair = await prepareRepair(context, session, { folder, flags, move });
    const isNothing = repair.plan.actions.length === 0 && !repair.mending;
    if (flags.apply && !flags.dryRun && !isNothing)
      return apply(context, session, { repair, flags });
    return inspectedRepair(await repairReport(repair), context, repair);
  },
});

async function apply(
  context: Context,
  session: Session,
  { repair, flags }: { repair: Repair; flags: Flags },
): Promise<Report> {
  const { folder, plan, mending } = repair;
  const { lockTimeout } = context.settings;
  if (mending) refuseUnproven(mending);
  const changes =
    plan.actions.length === 1 ? '1 change' : `${formatCount(plan.actions.length)} changes`;
  await agree(context, session, `This makes ${changes} to ${folder.tracking.table}.`);
  const repaired = await underLocks(
    { context, session, folder, patience: flags.wait },
    async (locks) => {
      await locks.check();
      if (!mending) return applyRepair(session, { ...repair, lockTimeout });
      if (!mending.way.standsAlone) {
        const before = runWithin(repair, mending);
        return applyRepair(session, { ...repair, lockTimeout, before });
      }
      await runApart(session, mending);
      const { finish: _, ...rest } = flags;
      const now = await prepareRepair(context, session, { folder, flags: rest });
      return applyRepair(session, { ...now, lockTimeout });
    },
  );
  return inspectedRepair(await repairReport(repair, repaired), context, repair);
}

async function undo(
  context: Context,
  session: Session,
  { folder, flags }: { folder: Folder; flags: Flags },
): Promise<Report> {
  const { tracking } = folder;
  await agree(context, session, `This undoes the newest repair of ${tracking.table}.`);
  const undone = await underLocks(
    { context, session, folder, patience: flags.wait },
    async (locks) => {
      await locks.check();
      return undoRepair(session, tracking, context.settings.lockTimeout);
    },
  );
  return undoneReport(folder, undone);
}

async function agree(context: Context, session: Session, what: string): Promise<void> {
  if (!needsConsent(session, await readLabel(session))) return;
  await context.consent(`${what} The database is ${databaseName(session.target)}.`);
}
