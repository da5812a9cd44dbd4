import type { Prospect, RowColumns, RowForm } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { isStray, nameOfRow, type TrackedRow } from './rows.ts';
import { replaceRows } from './squash/replace-rows.ts';
import { changedColumns, type Action } from './action.ts';
import type { Judgement } from './verdict.ts';

/** What will be done to a tracking table, and why some of it won't. */
export interface Plan {
  /** In the order in which they run. */
  actions: Action[];
  /** What was left, by the name of the judgement. */
  reasons: Map<string, string>;
  /** The rows as they will be. */
  after: RowColumns[];
  /** What the tool will do then. */
  prospect: Prospect;
}

export interface PlanInput {
  judgements: readonly Judgement[];
  migrations: readonly Migration[];
  form: RowForm;
  rows: readonly TrackedRow[];
  /** Names of migrations that somebody vouches for. */
  assumed: ReadonlySet<string>;
  /** Names of migrations of which nothing is left. */
  takenBack?: ReadonlySet<string>;
  /** Rows of migrations that another one replaces, in order. */
  replacements?: readonly {
    squashed: Migration;
    rows: readonly { name: string; row: TrackedRow }[];
  }[];
  /** They may change rows of tables: to run them again is not harmless. */
  changesData: ReadonlySet<string>;
}

/** The changes that make a tracking table say what the catalog proves. */
export function planRepair(input: PlanInput): Plan {
  const reasons = new Map<string, string>();
  const { replacements = [] } = input;
  const replaced = replacements.flatMap(({ rows, squashed }) =>
    replaceRows(rows, squashed, input.form),
  );
  const settled = new Set(replacements.flatMap(({ rows }) => rows.map(({ row }) => row)));
  const open = input.judgements.filter(({ row }) => !row || !settled.has(row));
  const removals: Action[] = open.flatMap((each) => removalsOf(each, input, reasons));
  const updates = [...replaced, ...open.flatMap((each) => updateOf(each, input, reasons))];
  const taken = new Set(
    updates.map((action) => (action.kind === 'update' ? action.migration : '')),
  );
  const wanted = input.judgements.flatMap(({ migration }, at): Migration[] => {
    const judgement = input.judgements[at];
    if (!migration || !judgement || taken.has(migration)) return [];
    return isToInsert(judgement, input) ? [migration] : [];
  });
  const alone = withoutTwins(wanted, input, reasons);
  const inserts = withoutGaps(alone, input, { removals, updates, reasons }).map(
    (migration): Action => ({ kind: 'insert', name: migration.name, migration }),
  );
  const actions = [...removals, ...updates, ...inserts];
  const arranged = arrangementOf(actions, input);
  const all = arranged ? [...actions, arranged] : actions;
  const after = rowsAfter(all, input);
  return { actions: all, reasons, after, prospect: input.form.next(after, input.migrations) };
}

function isToInsert(judgement: Judgement, { assumed }: PlanInput): boolean {
  const { verdict, inCatalog, name, row } = judgement;
  const isThere = inCatalog === 'proven' || inCatalog === 'superseded' || assumed.has(name);
  return row === undefined && isThere && verdict !== 'absent';
}

function removalsOf(
  judgement: Judgement,
  input: PlanInput,
  reasons: Map<string, string>,
): Action[] {
  const { verdict, name, row: counting, failed, inCatalog } = judgement;
  const rows = counting ? [counting] : [];
  const remove = (row: TrackedRow): Action => ({ kind: 'remove', name, row });
  if (input.takenBack?.has(name)) return [...failed, ...rows].map(remove);
  if (verdict === 'duplicate-row') return rows.map(remove);
  if (verdict === 'failed-row') {
    const isClear = inCatalog !== 'partial' && inCatalog !== 'no trace';
    if (isClear || counting || input.assumed.has(name)) return failed.map(remove);
    reasons.set(
      name,
      'its effects are unknown: finish it, roll it back, or record it with --assume',
    );
    return [];
  }
  if (verdict !== 'recorded-but-absent' || input.assumed.has(name)) return [];
  const obstacle = obstacleToRemoval(judgement, input);
  if (obstacle === undefined) return rows.map(remove);
  reasons.set(name, obstacle);
  return [];
}

/** A row is only removed if its tool then runs the migration again, without harm. */
function obstacleToRemoval(judgement: Judgement, input: PlanInput): string | undefined {
  const { judgements, migrations, form, rows, changesData } = input;
  const stray = judgements.find(({ orphan }) => orphan && isStray(orphan));
  if (stray) return `${stray.name} has no file, and may be what removed it`;
  if (changesData.has(judgement.name)) return 'it also changes rows, and would do so again';
  const left = rows.filter((row) => row !== judgement.row).map(({ columns }) => columns);
  const now = form.next(
    rows.map(({ columns }) => columns),
    migrations,
  );
  const then = form.next(left, migrations);
  if ('stops' in then && !('stops' in now)) return `without its row the tool stops: ${then.stops}`;
  if ('runs' in then && !then.runs.includes(judgement.name))
    return 'without its row the tool would never run it';
  return undefined;
}

function updateOf(
  judgement: Judgement,
  { form, judgements }: PlanInput,
  reasons: Map<string, string>,
): Action[] {
  const { verdict, name, row, migration, orphan } = judgement;
  if (!row) return [];
  const update = (owner: Migration): Action[] => {
    const set = changedColumns(row, owner, form);
    return Object.keys(set).length > 0
      ? [{ kind: 'update', name, row, set, migration: owner }]
      : [];
  };
  if (verdict === 'edited-equivalent' && migration) return update(migration);
  if (verdict !== 'orphan-row' || !orphan) return [];
  const owner = orphan.migration;
  if (!owner) {
    reasons.set(name, 'no file in the folder has its name or content');
    return [];
  }
  const found = judgements.find((each) => each.migration === owner)?.inCatalog ?? 'absent';
  const isThere = found === 'proven' || found === 'superseded';
  // Where the content is the same, the row itself is the proof of what leaves no trace.
  if (isThere || (orphan.by === 'content' && found === 'no trace')) return update(owner);
  reasons.set(name, `it probably belongs to ${owner.name}, which the catalog shows as ${found}`);
  return [];
}

/** Two files with one version have one row between them, where the version is the table's key. */
function withoutTwins(
  wanted: readonly Migration[],
  { form, judgements }: PlanInput,
  reasons: Map<string, string>,
): readonly Migration[] {
  const keyOf = (migration: Migration): string | undefined => {
    const columns = form.columnsOf(migration);
    const isKey = form.key.every((name) => name in columns);
    return isKey ? JSON.stringify(form.key.map((name) => columns[name])) : undefined;
  };
  const owners = new Map<string, string>();
  for (const { migration, row } of judgements) {
    const key = migration && row && keyOf(migration);
    if (key) owners.set(key, migration.name);
  }
  return wanted.filter((migration) => {
    const key = keyOf(migration);
    const owner = key === undefined ? undefined : owners.get(key);
    if (key !== undefined && owner === undefined) owners.set(key, migration.name);
    if (owner === undefined) return true;
    reasons.set(migration.name, `it has the same version as ${owner}, so they share one row`);
    return false;
  });
}

interface Others {
  removals: readonly Action[];
  updates: readonly Action[];
  reasons: Map<string, string>;
}

/** Where rows refer to one another, those after a gap can't be written. */
function withoutGaps(
  wanted: readonly Migration[],
  { form, migrations, judgements }: PlanInput,
  { removals, updates, reasons }: Others,
): readonly Migration[] {
  if (!form.isChain) return wanted;
  const removed = new Set(removals.map(({ name }) => name));
  const recorded = new Set(
    judgements.flatMap(({ migration, row }) =>
      migration && row && !removed.has(migration.name) ? [migration] : [],
    ),
  );
  for (const action of updates) if (action.kind === 'update') recorded.add(action.migration);
  const isPresent = (each: Migration) => recorded.has(each) || wanted.includes(each);
  const gap = migrations.findIndex((each) => !isPresent(each));
  return wanted.filter((each) => {
    const isBefore = gap < 0 || migrations.indexOf(each) < gap;
    if (!isBefore)
      reasons.set(
        each.name,
        `its row refers to that of ${migrations[gap]?.name ?? ''}, which has none`,
      );
    return isBefore;
  });
}

function arrangementOf(actions: readonly Action[], input: PlanInput): Action | undefined {
  const { form, migrations } = input;
  if (!form.order) return undefined;
  const after = rowsAfter(actions, input);
  const names = new Set(after.map((columns) => nameOfRow({ place: '', columns }, form)));
  const inOrder = migrations.map(({ name }) => name).filter((name) => names.has(name));
  const arrange: Action = { kind: 'arrange', name: inOrder.at(-1) ?? '', names: inOrder };
  const now = form.next(after, migrations);
  if (!('stops' in now)) return undefined;
  const arranged = form.next(rowsAfter([...actions, arrange], input), migrations);
  const isLate = actions.some(
    (action) => action.kind === 'insert' && action.name !== inOrder.at(-1),
  );
  return 'runs' in arranged || isLate ? arrange : undefined;
}

/** The rows as they are after these changes; times are made up where only their order counts. */
function rowsAfter(
  actions: readonly Action[],
  { rows, form, migrations }: PlanInput,
): RowColumns[] {
  const places = new Map(migrations.map(({ name }, at) => [name, at]));
  let after = rows.map((row) => ({ row, columns: row.columns }));
  let late = 0;
  for (const action of actions) {
    if (action.kind === 'replace' || (action.kind === 'remove' && form.close === undefined))
      after = after.filter(({ row }) => row !== action.row);
    else if (action.kind === 'remove')
      after = after.map((each) =>
        each.row === action.row
          ? { ...each, columns: { ...each.columns, ...form.close?.columns } }
          : each,
      );
    else if (action.kind === 'update')
      after = after.map((each) =>
        each.row === action.row ? { ...each, columns: { ...each.columns, ...action.set } } : each,
      );
    else if (action.kind === 'insert') {
      const time = form.order ? { [form.order.column]: timeAt(2 ** 40 + late++) } : {};
      const columns = { ...form.columnsOf(action.migration), ...form.fresh, id: 1e9, ...time };
      after = [...after, { row: { place: '', columns }, columns }];
    } else if (form.order) {
      const { column } = form.order;
      after = after.map((each) => {
        const at = places.get(nameOfRow({ place: '', columns: each.columns }, form)) ?? 0;
        return { ...each, columns: { ...each.columns, [column]: timeAt(at) } };
      });
    }
  }
  return after.map(({ columns }) => columns);
}

function timeAt(ms: number): string {
  return new Date(ms + 2 ** 41).toISOString();
}
