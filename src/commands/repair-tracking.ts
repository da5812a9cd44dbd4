import * as z from 'zod';
import type { Context } from '../context.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { readApplied } from '../runner/tracking-state.ts';
import { shellWord } from '../output/shell.ts';
import { formatCount } from '../output/number.ts';
import type { Report } from '../report.ts';
import { applyRepair } from '../repair/apply.ts';
import { diagnose } from '../repair/diagnose.ts';
import { planRepair } from '../repair/plan.ts';
import { undoRepair } from '../repair/undo.ts';
import { placeFolder } from '../formats/place.ts';
import { defineCommand } from '../command.ts';
import { wait } from '../flags.ts';
import { folderOf, refuseForgottenTable } from '../open-project.ts';
import { underLocks } from '../migrate/run.ts';
import { refuseForeign, refuseUnfounded } from '../repair/refusals.ts';
import {
  carriedOver,
  readMove,
  refuseFromAlone,
  refuseIncomplete,
  type Move,
} from '../repair/switch-tool.ts';
import {
  planMending,
  refuseUnproven,
  runApart,
  runWithin,
  stepsOfPartial,
  type Mending,
} from '../repair/partial-files.ts';
import type { Repair } from '../repair/findings.ts';
import { repairReport, undoneReport } from '../repair/report.ts';
import { wantedFor } from '../shadow/replay-request.ts';

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
    const repair = await prepare(context, session, { folder, flags, move });
    const isNothing = repair.plan.actions.length === 0 && !repair.mending;
    if (!flags.apply || flags.dryRun || isNothing) return repairReport(repair);
    return apply(context, session, { repair, flags });
  },
});

async function prepare(
  context: Context,
  session: Session,
  { folder, flags, move }: { folder: Folder; flags: Flags; move?: Move | undefined },
): Promise<Repair> {
  await readApplied(session, folder); // rejects a table that is not the tool's
  const wanted = await wantedFor(context, session, folder);
  const diagnosis = await diagnose(session, folder, wanted);
  const { judgements, live, changesData } = diagnosis;
  const rows = live.rows ?? [];
  if (rows.length === 0 && !move) await refuseForgottenTable(context, session, folder);
  refuseForeign(folder, diagnosis);
  refuseUnfounded(flags.assume, judgements);
  const asked = { folder, wanted, diagnosis };
  const steps = await stepsOfPartial(asked);
  const mending = await mendingOf(asked, steps, flags);
  const assumed = new Set(flags.assume);
  if (mending?.kind === 'finish') assumed.add(mending.name);
  for (const name of move ? await carriedOver(session, move, diagnosis) : []) assumed.add(name);
  const plan = planRepair({
    judgements,
    migrations: folder.migrations,
    form: folder.tracking.rows,
    rows,
    assumed,
    takenBack: new Set(mending?.kind === 'take back' ? [mending.name] : []),
    changesData,
  });
  if (move && flags.apply) refuseIncomplete(move, diagnosis, plan);
  const isVerbose = context.flags.verbose === true;
  const options = optionsOf(flags);
  return {
    folder,
    wanted,
    diagnosis,
    plan,
    steps,
    isVerbose,
    options,
    ...(mending && { mending }),
  };
}

/** Returns the options as text that can be pasted after the command. */
function optionsOf({ assume, finish, takeBack, adopt, from }: Flags): string {
  const words = [
    ...assume.map((name) => ['--assume', name]),
    ...(finish === undefined ? [] : [['--finish', finish]]),
    ...(takeBack === undefined ? [] : [['--take-back', takeBack]]),
    ...(adopt === undefined ? [] : [['--adopt', adopt]]),
    ...(from === undefined ? [] : [['--from', from]]),
  ];
  return words.map(([flag, value = '']) => ` ${flag} ${shellWord(value)}`).join('');
}

async function mendingOf(
  asked: Pick<Repair, 'folder' | 'wanted' | 'diagnosis'>,
  steps: Repair['steps'],
  { finish, takeBack }: Flags,
): Promise<Mending | undefined> {
  if (finish !== undefined && takeBack !== undefined)
    throw usageError(
      'USAGE',
      '--finish and --take-back exclude each other.',
      'Pass one of the two.',
    );
  if (finish !== undefined) return planMending(asked, steps, 'finish', finish);
  return takeBack === undefined ? undefined : planMending(asked, steps, 'take back', takeBack);
}

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
      const now = await prepare(context, session, { folder, flags: rest });
      return applyRepair(session, { ...now, lockTimeout });
    },
  );
  return repairReport(repair, repaired);
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
