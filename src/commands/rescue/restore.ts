import * as z from 'zod';
import { DbopsError, exitCodes } from '../../errors.ts';
import { text, type Report } from '../../report.ts';
import { readRecords } from '../../rescue/record.ts';
import { restoreError } from '../../rescue/restore/restore-error.ts';
import { restore, type Restored } from '../../rescue/restore/run.ts';
import { defineCommand } from '../../command.ts';
import { restoredBlocks, restoredToJson } from '../rows-report.ts';
import { chosen } from '../../rescue/choose-records.ts';

export const command = defineCommand({
  description:
    'Puts kept rows and values back, in one transaction. What is there is left alone: rows that have a successor, values that were written since and rows whose parent is gone are counted and said, and stay in dbops_rescue.',
  arguments: [['<name>', 'of the migration that destroyed them, or an id of dbops rescue list']],
  options: [
    ['--overwrite', 'kept values of a column also go over what was written there since'],
    ['--dry-run', 'only say what would become of each row'],
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
    if (open.length === 0) return toReport([], dryRun, `all of ${name} has been put back already`);
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
    message: 'There is no place for the kept rows; nothing was changed.',
    reason: left.flatMap(({ obstacle = '' }) => obstacle),
    hint: `Bring the schema back first: dbops migrate ${back}`,
  });
}
