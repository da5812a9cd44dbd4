import type { UncopiedRows } from '../rescue/report.ts';
import type { GuardOutcome } from '../rescue/guard.ts';
import type { Guarding, Protection } from './protect-rows.ts';
import { isWhole, type KeptBy, type Settlement } from './settle-rows.ts';
import type {
  NotRestoredDocument,
  RescuedDocument,
  RestorableDocument,
  RestoredDocument,
  RunData,
} from '../documents.ts';
import type { Direction } from '../migration.ts';
import { text, type Block, type Report } from '../report.ts';
import type { RescueRecord } from '../rescue/record.ts';
import type { Restored } from '../rescue/restore/run.ts';
import {
  countOf,
  leftSentence,
  lossSentence,
  lossToJson,
  placeOf,
  restoreCommand,
  restoredSentence,
  rowsLeft,
  uncopiedSentence,
} from '../rescue/report.ts';

/** Reports on the rows of a run: pure functions of what was planned or done. */

/** Returns what the steps are expected to destroy, one line each. */
export function expectedLines(
  { counts, expected: { stated, withoutShadow } }: Protection,
  discards: boolean,
): string[] {
  const fate = discards ? 'discarded' : 'copied to dbops_rescue first';
  const lines = counts.flatMap(({ migration, losses }) =>
    losses
      .filter(({ rows }) => rows !== 0)
      .map((count) => `${migration} ${lossSentence(count)}: ${fate}`),
  );
  const unkept = [...stated].flatMap(([migration, destructions]) =>
    destructions.flatMap((destruction) => {
      if (destruction.kind !== 'some-rows') return [];
      const { schema, name } = destruction.table;
      return `${migration} deletes rows of ${schema ? `${schema}.` : ''}${name} on a condition: they are not copied`;
    }),
  );
  const reason =
    withoutShadow &&
    `no shadow database, so losses are read from the text of the migration: ${withoutShadow}`;
  return [...(reason ? [reason] : []), ...lines, ...unkept];
}

/** Returns the report of a dry run, with the expected losses as SQL comments. */
export function withPreview(
  report: Report<RunData>,
  protection: Protection,
  discards: boolean,
): Report<RunData> {
  const losses = protection.counts.flatMap(({ migration, losses: all }) =>
    all.map(({ loss, rows }) => ({ migration, ...lossToJson(loss), rows })),
  );
  const lines = [
    ...expectedLines(protection, discards),
    ...protection.uncopied.map(uncopiedSentence),
  ];
  return {
    ...report,
    data: { ...report.data, losses },
    blocks: [...report.blocks, ...lines.map((line) => text(`-- ${line}`, 'warn'))],
  };
}

/** Returns what scripts outside a transaction destroyed beyond what was copied, one line each. */
export function missedLines({ outcomes }: Guarding): string[] {
  return [...outcomes].flatMap(([migration, { missed }]: [string, GuardOutcome]) =>
    missed.map(
      (loss) =>
        `${migration} ran outside a transaction and also destroyed ${placeOf(loss)}, which was not copied`,
    ),
  );
}

/** Returns the report of a run with the outcome of its rows, per direction. */
export function withRows(
  report: Report<RunData>,
  ...settlements: readonly Settlement[]
): Report<RunData> {
  const restored = settlements.flatMap((one) => one.restored);
  const restorable = settlements.flatMap((one) => one.restorable);
  const kept = settlements.flatMap((one) => one.kept.map((each) => keptToJson(each, one)));
  const error = report.error ?? settlements.flatMap((one) => one.error ?? [])[0];
  return {
    ...report,
    data: {
      ...report.data,
      rescued: kept,
      ...(restored.length > 0 && { restored: restored.map(restoredToJson) }),
      ...(restorable.length > 0 && { restorable: restorable.map(restorableToJson) }),
      notRestored: settlements.flatMap(notRestoredToJson),
    },
    blocks: [...report.blocks, ...settlements.flatMap(blocksOf)],
    ...(error && !report.error && { error, exitCode: error.exitCode }),
  };
}

function blocksOf({
  direction,
  kept,
  restored,
  restorable,
  waiting,
  uncopied,
}: Settlement): Block[] {
  const left = waiting.filter((one) => !isWhole(one) || one.fates.restored > 0);
  const open = [
    ...restored.filter(({ fates, obstacle }) => !obstacle && fates.orphan + fates.missing > 0),
    ...left,
  ].map(({ record }) => record);
  return [
    ...keptBlocks(kept, direction),
    ...restoredBlocks(restored),
    ...restorable.map(({ loss, rows }) =>
      text(`${countOf(loss, rows)} of ${placeOf(loss)} can be restored`, 'warn'),
    ),
    ...left.map((one) => text(leftSentence(one), 'warn')),
    ...uncopied.map((one) => text(uncopiedSentence(one), 'warn')),
    ...commandBlocks([...restorable, ...open]),
  ];
}

function commandBlocks(records: readonly RescueRecord[]): Block[] {
  const names = [...new Set(records.map(({ migration }) => migration))];
  return names.length === 0 ? [] : [text(`→ Restore: ${names.map(restoreCommand).join(' && ')}`)];
}

function keptBlocks(kept: readonly KeptBy[], direction: Direction): Block[] {
  const [first] = kept;
  if (!first) return [];
  const lines = kept.map(({ migration, copy: { loss, rows } }) =>
    text(
      `saved ${countOf(loss, rows)} of ${placeOf(loss)} before ${migration} destroyed ${rows === 1 ? 'it' : 'them'}`,
    ),
  );
  const back = direction === 'up' ? 'down' : 'up';
  const restore = restoreCommand(first.migration);
  return [
    ...lines,
    text(`→ Restore: dbops migrate ${back}, then ${restore} (list: dbops rescue list)`),
  ];
}

/** Returns one line per record. */
export function restoredBlocks(restored: readonly Restored[], dryRun = false): Block[] {
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

function keptToJson(
  { migration, copy: { id, loss, rows } }: KeptBy,
  { direction }: Settlement,
): RescuedDocument {
  const restore = restoreCommand(migration);
  return { id, migration, direction, ...lossToJson(loss), rows, restore };
}

export function restoredToJson({ record, fates, obstacle }: Restored): RestoredDocument {
  const { id, migration, loss } = record;
  return { id, migration, ...lossToJson(loss), ...fates, ...(obstacle && { obstacle }) };
}

function restorableToJson(record: RescueRecord): RestorableDocument {
  const { id, migration, loss, rows } = record;
  return { id, migration, ...lossToJson(loss), rows, restore: restoreCommand(migration) };
}

/** Returns everything that exists only in a copy after the run, or not at all, with its count. */
function notRestoredToJson(settlement: Settlement): NotRestoredDocument[] {
  const { restored, restorable, waiting, uncopied, error } = settlement;
  const partly = [...restored, ...waiting].filter((one) => rowsLeft(one) > 0);
  return [
    ...partly.map((one) => ({
      ...restorableToJson(one.record),
      rows: rowsLeft(one),
      reason: one.obstacle ?? reasonOf(one),
    })),
    ...restorable.map((record) => ({
      ...restorableToJson(record),
      reason: error ? error.message : 'not requested',
    })),
    ...uncopied.map(uncopiedToJson),
  ];
}

function reasonOf({ fates }: Restored): string {
  const { conflict, orphan, missing } = fates;
  const words = Object.entries({ conflict, orphan, missing }).filter(([, rows]) => rows > 0);
  return words.map(([fate, rows]) => `${fate} ${rows}`).join(', ');
}

function uncopiedToJson({ migration, table }: UncopiedRows): NotRestoredDocument {
  const { schema = null, name } = table;
  const reason = 'deleted on a condition, which dbops does not copy';
  return { migration, kind: 'some-rows', schema, table: name, rows: null, reason };
}
