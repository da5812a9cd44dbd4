import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { DbopsError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { text, type Block, type JsonValue } from '../report.ts';
import { readAgain, type RescueRecord } from '../rescue/record.ts';
import { restoreError } from '../rescue/restore/restore-error.ts';
import { restore, type Restored } from '../rescue/restore/run.ts';
import {
  countOf,
  lossToJson,
  placeOf,
  restoreCommand,
  restoredSentence,
} from '../rescue/report.ts';

export interface RescueFlags {
  /** Destroys without a copy. */
  discardData: boolean;
  /** Puts back what the run brings a place for, without asking. */
  restore: boolean;
}

/** What rescuing works with. */
export interface Rescue {
  context: Context;
  session: Session;
  folder: Folder;
  flags: RescueFlags;
}

interface Offer {
  data: Record<string, JsonValue>;
  blocks: Block[];
  error?: DbopsError;
}

/**
 * Offers the rows back whose place a run has made anew: asked, told to, or told of. Where there are
 * none the database is not asked: the run may have lost its connection.
 *
 * @param records as they were before the run
 * @param within what its steps have put back themselves
 */
export async function offerBack(
  rescue: Rescue,
  records: readonly RescueRecord[],
  within: readonly Restored[],
): Promise<Offer> {
  if (within.length > 0)
    return { data: { restored: within.map(restoredToJson) }, blocks: restoredBlocks(within) };
  if (records.length === 0) return { data: {}, blocks: [] };
  if (!(await isWanted(rescue, records))) return told(records);
  const { session } = rescue;
  try {
    const now = await readAgain(session, records);
    const restored = await restore(session, now, { dryRun: false, overwrite: false });
    return { data: { restored: restored.map(restoredToJson) }, blocks: restoredBlocks(restored) };
  } catch (error) {
    return { ...told(records), error: restoreError(error, records) };
  }
}

/** Whether to put rows back: told to, or asked. */
export async function isWanted(
  { context, flags }: Rescue,
  records: readonly RescueRecord[],
): Promise<boolean> {
  if (flags.restore || context.flags.yes) return true;
  const what = records.map(({ loss, rows }) => `${countOf(loss, rows)} of ${placeOf(loss)}`);
  const answer = await context.choose(`Put back what was kept: ${what.join(', ')}?`, [
    { name: 'yes', value: true },
    { name: 'no, they stay in dbops_rescue', value: false },
  ]);
  return answer ?? false;
}

function told(records: readonly RescueRecord[]): Offer {
  const names = [...new Set(records.map(({ migration }) => migration))];
  return {
    data: {
      restorable: records.map(({ id, migration, loss, rows }) => {
        const command = restoreCommand(migration);
        return { id, migration, ...lossToJson(loss), rows, restore: command };
      }),
    },
    blocks: [
      ...records.map(({ loss, rows }) =>
        text(`there is a place again for ${countOf(loss, rows)} of ${placeOf(loss)}`, 'warn'),
      ),
      text(`→ Put them back: ${names.map(restoreCommand).join(' && ')}`),
    ],
  };
}

export function restoredToJson({ record, fates, obstacle }: Restored): Record<string, JsonValue> {
  const { id, migration, loss } = record;
  return { id, migration, ...lossToJson(loss), ...fates, ...(obstacle && { obstacle }) };
}

/** A line a record. */
export function restoredBlocks(restored: readonly Restored[], dryRun = false): Block[] {
  const isWhole = ({ fates: { conflict, orphan, missing }, obstacle }: Restored) =>
    !obstacle && conflict + orphan + missing === 0;
  const cyclic = restored
    .filter(({ isCyclic }) => isCyclic)
    .map(({ record }) => placeOf(record.loss));
  return [
    ...restored.map((one) => text(restoredSentence(one, dryRun), isWhole(one) ? 'good' : 'warn')),
    ...(cyclic.length > 0
      ? [
          text(
            `${cyclic.join(', ')} refer to one another: their foreign keys were checked when all rows were in`,
          ),
        ]
      : []),
  ];
}
