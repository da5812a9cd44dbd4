import { readRecords, type RescueRecord } from '../../rescue/record.ts';
import { done, text, type Row, type Table } from '../../report.ts';
import { defineCommand } from '../../command.ts';
import { none } from '../../flags.ts';
import { lossToJson, placeOf, restoreCommand } from '../../rescue/report.ts';

export const command = defineCommand({
  description:
    'Lists the rows and values that migrations and rollbacks destroyed, and that dbops saved in the schema dbops_rescue.',
  examples: ['dbops rescue list', 'dbops rescue list --json'],
  flags: none,
  async run(context) {
    const records = await readRecords(await context.session());
    const data = { rescued: records.map(toJson) };
    if (records.length === 0)
      return done(data, text('No rows are saved: no migration destroyed any'));
    const waiting = records.find(({ state }) => state !== 'restored');
    return done(
      data,
      toTable(records),
      ...(waiting ? [text(`→ Restore them: ${restoreCommand(waiting.migration)}`)] : []),
    );
  },
});

function toJson({ id, migration, direction, keptAt, loss, rows, state, restoredAt }: RescueRecord) {
  const copy = `dbops_rescue.copy_${id}`;
  return { id, migration, direction, ...lossToJson(loss), rows, keptAt, state, restoredAt, copy };
}

function toTable(records: readonly RescueRecord[]): Table {
  const rows = records.map(
    ({ id, migration, direction, keptAt, loss, rows: count, state }): Row => ({
      id,
      migration: `${migration} (${direction})`,
      what: placeOf(loss),
      rows: count,
      kept: keptAt.toISOString().replace(/\.\d+Z$/, 'Z'),
      state,
    }),
  );
  return {
    kind: 'table',
    columns: [
      { key: 'id', label: 'id', align: 'right' },
      { key: 'migration', label: 'destroyed by' },
      { key: 'what', label: 'table or column' },
      { key: 'rows', label: 'rows', align: 'right' },
      { key: 'kept', label: 'saved at' },
      { key: 'state', label: 'state', tone: (state) => (state === 'kept' ? 'warn' : undefined) },
    ],
    rows,
  };
}
