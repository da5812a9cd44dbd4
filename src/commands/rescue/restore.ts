import * as z from 'zod';
import { DbopsError, exitCodes } from '../../errors.ts';
import { text, type Report } from '../../report.ts';
import { readRecords } from '../../rescue/record.ts';
import { restoreError } from '../../rescue/restore/restore-error.ts';
import { restore, type Restored } from '../../rescue/restore/run.ts';
import { defineCommand } from '../../command.ts';
import { restoredBlocks, restoredToJson } from '../../migrate/rows-report.ts';
import { chosen } from '../../rescue/choose-records.ts';

export const command = defineCommand({
  description:
    'Restores saved rows and values, in one transaction. Existing rows and newer values are never changed; rows that conflict with them, or whose parent row no longer exists, are reported and remain in dbops_rescue.',
  arguments: [['<name>', 'migration that destroyed the rows, or an id of dbops rescue list']],
  options: [
    ['--overwrite', 'also replace values that were written since'],
    ['--dry-run', 'report the outcome for each row and change nothing'],
  ],
  examples: [
    'dbops rescue restore 0012_drop_notes --dry-run',
    'dbops rescue restore 0012_drop_notes',
    'dbops rescue restore 7 --overwrite',
  ],
  flags: z.object({
    arguments: z.tuple([z.string()]),
    overwrite: z.boolean().default(false),
    dryRun: z.boolean().default(false),
  }),
  async run(context, { arguments: [name], overwrite, dryRun }) {
    const session = await context.session();
    const records = chosen(await readRecords(session), name);
    const open = overwrite ? records : records.filter(({ state }) => state !== 'restored');
    if (open.length === 0)
      return toReport([], dryRun, `✓ Everything of ${name} is already restored`);
    const restored = await restore(session, open, { dryRun, overwrite }).catch((error: unknown) => {
      throw restoreError(error, open);
    });
    return toReport(restored, dryRun);
  },
});

function toReport(restored: readonly Restored[], dryRun: boolean, otherwise?: string): Report {
  const left = restored.filter(({ obstacle }) => obstacle !== undefined);
  const isNothing = left.length > 0 && left.length === restored.length;
  return {
    exitCode: isNothing ? exitCodes.failed : exitCodes.done,
    data: { restored: restored.map(restoredToJson), ...(dryRun && { dryRun: true }) },
    blocks: [
      ...restoredBlocks(restored, dryRun),
      ...(otherwise === undefined ? [] : [text(otherwise)]),
    ],
    ...(isNothing && { error: noPlace(left) }),
  };
}

function noPlace(left: readonly Restored[]): DbopsError {
  const [{ record: { direction } } = { record: { direction: 'down' } }] = left;
  const back = direction === 'up' ? 'down' : 'up';
  return new DbopsError({
    code: 'RESCUE.NO_PLACE',
    exitCode: exitCodes.failed,
    message: 'The saved rows cannot be restored; nothing was changed.',
    reason: left.flatMap(({ obstacle = '' }) => obstacle),
    hint: `Restore the schema first: dbops migrate ${back}`,
  });
}
