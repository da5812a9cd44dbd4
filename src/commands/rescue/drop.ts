import * as z from 'zod';
import { transaction } from '../../db/session.ts';
import { databaseName } from '../../db/target.ts';
import { usageError } from '../../errors.ts';
import { done, text } from '../../report.ts';
import { dropRecords, readRecords, type RescueRecord } from '../../rescue/record.ts';
import { defineCommand } from '../../command.ts';
import { age } from '../../flags.ts';
import { countOf, lossToJson, placeOf } from '../../rescue/report.ts';
import { chosen } from '../../rescue/choose-records.ts';

export const command = defineCommand({
  description:
    'Deletes saved rows from dbops_rescue for good: those of a migration, those of a certain age, or all. Requires --confirm.',
  arguments: [['[name]', 'migration that destroyed the rows, or an id of dbops rescue list']],
  options: [
    ['--all', 'delete all saved rows'],
    ['--older-than <duration>', 'delete rows that were saved longer ago than this, such as 30d'],
    ['--dry-run', 'list the rows and change nothing'],
  ],
  examples: [
    'dbops rescue drop 0012_drop_notes --dry-run',
    'dbops rescue drop --older-than 30d --confirm shop',
    'dbops rescue drop --all --confirm shop',
  ],
  flags: z.object({
    arguments: z.tuple([z.string().optional()]),
    all: z.boolean().default(false),
    olderThan: age.optional(),
    dryRun: z.boolean().default(false),
  }),
  async run(context, { arguments: [name], all, olderThan, dryRun }) {
    if (name === undefined && !all && olderThan === undefined)
      throw usageError(
        'RESCUE.NOTHING_NAMED',
        'No saved rows specified.',
        'Specify a migration, an age, or --all: dbops rescue drop --older-than 30d',
      );
    const session = await context.session();
    const records = await readRecords(session);
    const before = context.clock().getTime() - (olderThan ?? 0);
    const named = name === undefined ? records : chosen(records, name);
    const due = named.filter(({ keptAt }) => olderThan === undefined || keptAt.getTime() < before);
    if (!dryRun && due.length > 0)
      await context.consent(
        `This drops ${due.map(sizeOf).join(', ')} from ${databaseName(session.target)} for good.`,
      );
    if (!dryRun && due.length > 0) await transaction(session, () => dropRecords(session, due));
    const verb = dryRun ? 'would be dropped' : 'dropped';
    return done(
      { dropped: due.map(toJson), ...(dryRun && { dryRun: true }) },
      ...due.map((record) => text(`${sizeOf(record)}: ${verb}`)),
      ...(due.length === 0 ? [text('✓ No saved rows match')] : []),
    );
  },
});

function sizeOf({ loss, rows }: RescueRecord): string {
  return `${countOf(loss, rows)} of ${placeOf(loss)}`;
}

function toJson({ id, migration, direction, loss, rows }: RescueRecord) {
  return { id, migration, direction, ...lossToJson(loss), rows };
}
