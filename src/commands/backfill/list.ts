import { readRecords } from '../../backfill/store.ts';
import { done, text, type Table } from '../../report.ts';
import { backfillsOf } from '../../backfill/index.ts';
import { defineCommand } from '../../command.ts';
import { none } from '../../flags.ts';
import { stateOf, usableBackfills } from '../../backfill/status.ts';

export const command = defineCommand({
  description:
    'Lists the defined backfills, with their state on this database. Definitions come from backfills/*.json beside the migrations, and from the configuration.',
  examples: ['dbops backfill list', 'dbops backfill list --json | jq .backfills[].name'],
  flags: none,
  async run(context) {
    const session = await context.session();
    const controls = new Map((await readRecords(session)).map((each) => [each.name, each]));
    const known = await usableBackfills(session, await backfillsOf(context), controls);
    const backfills = known.map(({ name, summary = '', origin, targets }) => {
      const control = controls.get(name);
      const columns = targets.map(({ table, set }) => `${table}.${set.split('=')[0]?.trim()}`);
      return { name, summary, origin, columns, state: control ? stateOf(control) : 'not begun' };
    });
    if (backfills.length === 0)
      return done(
        { backfills },
        text('No backfills are defined.'),
        text(
          '→ Define one in backfills/NAME.json beside the migrations, or in the configuration',
          'dim',
        ),
      );
    const table: Table = {
      kind: 'table',
      columns: [
        { key: 'name', label: 'name' },
        { key: 'state', label: 'state' },
        { key: 'fills', label: 'fills' },
        { key: 'origin', label: 'defined in' },
      ],
      rows: backfills.map(({ columns, ...rest }) => ({ ...rest, fills: columns.join(', ') })),
    };
    return done({ backfills }, table, text('→ Run one: dbops backfill run NAME', 'dim'));
  },
});
