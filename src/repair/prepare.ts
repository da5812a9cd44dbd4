import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { shellWord } from '../output/shell.ts';
import { refuseForgottenTable } from '../runner/tracking-elsewhere.ts';
import { readApplied } from '../runner/tracking-state.ts';
import { wantedFor } from '../shadow/replay-request.ts';
import { diagnose } from './diagnose.ts';
import type { Repair } from './findings.ts';
import { planMending, stepsOfPartial, type Mending } from './partial-files.ts';
import { planRepair } from './plan.ts';
import { findReplacements } from './squash/find-replacements.ts';
import { refuseForeign, refuseUnfounded } from './refusals.ts';
import { carriedOver, refuseIncomplete, type Move } from './switch-tool.ts';

/** What `dbops repair-tracking` is asked to do. */
export interface RepairFlags {
  apply: boolean;
  assume: string[];
  finish?: string | undefined;
  takeBack?: string | undefined;
  adopt?: string | undefined;
  from?: string | undefined;
}

/**
 * Judges every migration and plans the rows to write.
 *
 * @throws usage error for a named migration that cannot be assumed, finished or undone
 */
export async function prepareRepair(
  context: Context,
  session: Session,
  { folder, flags, move }: { folder: Folder; flags: RepairFlags; move?: Move | undefined },
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
  const { replacements, left } = await findReplacements({ ...asked, assumed });
  const planned = planRepair({
    replacements,
    judgements,
    migrations: folder.migrations,
    form: folder.tracking.rows,
    rows,
    assumed,
    takenBack: new Set(mending?.kind === 'take back' ? [mending.name] : []),
    changesData,
  });
  const reasons = [...left].map(([name, { reason }]) => [name, reason] as const);
  const plan = { ...planned, reasons: new Map([...planned.reasons, ...reasons]) };
  if (move && flags.apply) refuseIncomplete(move, diagnosis, plan);
  const isVerbose = context.flags.verbose === true;
  const options = optionsOf(flags);
  return {
    folder,
    wanted,
    diagnosis,
    plan,
    replacements,
    left,
    steps,
    isVerbose,
    options,
    ...(mending && { mending }),
  };
}

async function mendingOf(
  asked: Pick<Repair, 'folder' | 'wanted' | 'diagnosis'>,
  steps: Repair['steps'],
  { finish, takeBack }: RepairFlags,
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

/** Returns the options as text that can be pasted after the command. */
function optionsOf({ assume, finish, takeBack, adopt, from }: RepairFlags): string {
  const words = [
    ...assume.map((name) => ['--assume', name]),
    ...(finish === undefined ? [] : [['--finish', finish]]),
    ...(takeBack === undefined ? [] : [['--take-back', takeBack]]),
    ...(adopt === undefined ? [] : [['--adopt', adopt]]),
    ...(from === undefined ? [] : [['--from', from]]),
  ];
  return words.map(([flag, value = '']) => ` ${flag} ${shellWord(value)}`).join('');
}
