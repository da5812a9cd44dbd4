import { usageError, messageOf } from '../errors.ts';
import { parseTableName, type TrackingTableName } from '../formats/shared/tracking-table.ts';
import { keyTextOf, valueOf, type SeedValue } from './cells.ts';
import type { DeclaredRow, RowsSet } from './definition.ts';

/** The row of a set, 1-based, that a value refers to. */
export interface RowReference {
  kind: 'row';
  set: string;
  n: number;
}

type RowValue = Exclude<SeedValue, { kind: 'ref' }> | RowReference;

export interface SeedRow {
  /** Its place in the configuration, such as `seeds.users.rows[0]`. */
  place: string;
  /** By column. */
  values: ReadonlyMap<string, RowValue>;
}

/** A set of rows whose references are resolved. */
export interface SeedSet extends Omit<RowsSet, 'rows' | 'table' | 'environments' | 'summary'> {
  name: string;
  table: TrackingTableName;
  /** The table as it was declared. */
  label: string;
  rows: readonly SeedRow[];
}

interface Draft extends Omit<SeedSet, 'rows'> {
  rows: { place: string; values: ReadonlyMap<string, SeedValue> }[];
}

/**
 * Resolves the references of the sets.
 *
 * @returns the sets, each after those that it refers to, otherwise in their order
 * @throws usage error for a circle, a reference to nothing, or a key that is incomplete or repeated
 */
export function resolveSets(sets: Readonly<Record<string, RowsSet>>, now: Date): SeedSet[] {
  const drafts = new Map(
    Object.entries(sets).map(([name, set]) => [name, draftOf(name, set, now)]),
  );
  const keys = new Map<string, Map<string, number>>();
  const ordered = inOrder(drafts);
  for (const draft of ordered) keys.set(draft.name, keysOf(draft, drafts, keys));
  return ordered.map((draft) => ({
    ...draft,
    rows: draft.rows.map(({ place, values }) => ({
      place,
      values: new Map(
        [...values].map(([column, value]) => [
          column,
          value.kind === 'ref' ? rowOf(value, keys, `${place}.${column}`) : value,
        ]),
      ),
    })),
  }));
}

function draftOf(name: string, { rows, ...set }: RowsSet, now: Date): Draft {
  const place = `seeds.${name}`;
  const table = tableOf(set.table, place);
  const declared = typeof rows === 'function' ? computed(rows, now, place) : rows;
  return {
    ...set,
    name,
    table,
    label: set.table,
    rows: declared.map((row, index) => readRow(row, `${place}.rows[${index}]`)),
  };
}

/** @throws usage error when the text is not the name of a table */
export function tableOf(text: string, place: string): TrackingTableName {
  const table = parseTableName(text);
  if (table) return table;
  throw usageError(
    'SEED.INVALID',
    `${place}.table is not the name of a table: ${text}`,
    'Write TABLE, SCHEMA.TABLE or "SCHEMA"."TABLE", with capitals as they are in the database.',
  );
}

function computed(
  rows: Extract<RowsSet['rows'], (...input: never[]) => unknown>,
  now: Date,
  place: string,
): DeclaredRow[] {
  const found: unknown = callSafely(() => rows({ now }), `${place}.rows`);
  if (isRows(found)) return found;
  throw usageError(
    'SEED.INVALID',
    `${place}.rows does not return rows.`,
    'Return an array of objects, each with the values of one row by column.',
  );
}

/** What the cells are is checked where they are read. */
function isRows(value: unknown): value is DeclaredRow[] {
  const isRow = (row: unknown) => typeof row === 'object' && row !== null && !Array.isArray(row);
  return Array.isArray(value) && value.every(isRow);
}

function callSafely<T>(work: () => T, place: string): T {
  try {
    return work();
  } catch (error) {
    throw usageError('SEED.INVALID', `${place} cannot be read.`, 'Correct the configuration.', [
      messageOf(error),
    ]);
  }
}

function readRow(row: DeclaredRow, place: string): Draft['rows'][number] {
  const cells = Object.entries(row).filter(([, cell]) => cell !== undefined);
  const values = cells.map(
    ([column, cell]) =>
      [column, callSafely(() => valueOf(cell), `${place}.${column}`)] satisfies [string, SeedValue],
  );
  return { place, values: new Map(values) };
}

/** Each set after those that it refers to. */
function inOrder(drafts: ReadonlyMap<string, Draft>): Draft[] {
  const ordered = new Set<Draft>();
  const visit = (draft: Draft, path: readonly string[]) => {
    if (ordered.has(draft)) return;
    if (path.includes(draft.name)) throw circle([...path, draft.name]);
    for (const [set, place] of neededBy(draft)) {
      const needed = drafts.get(set);
      if (!needed) throw nothing(place, `no set of rows is named ${set}`, [...drafts.keys()]);
      visit(needed, [...path, draft.name]);
    }
    ordered.add(draft);
  };
  for (const draft of drafts.values()) visit(draft, []);
  return [...ordered];
}

/** The sets that a set refers to, with the first place where it does. */
function neededBy({ rows }: Draft): Map<string, string> {
  const needed = new Map<string, string>();
  for (const { place, values } of rows) {
    for (const [column, value] of values) {
      if (value.kind === 'ref' && !needed.has(value.set))
        needed.set(value.set, `${place}.${column}`);
    }
  }
  return needed;
}

function circle(path: readonly string[]) {
  const loop = path.slice(path.indexOf(path.at(-1) ?? ''));
  return usageError(
    'SEED.CIRCLE',
    `Seed sets refer to each other in a circle: ${loop.join(' → ')}.`,
    'Move the rows that are inserted first into a set of their own.',
  );
}

function nothing(place: string, why: string, known: readonly string[]) {
  return usageError(
    'SEED.REF',
    `${place} refers to nothing: ${why}.`,
    'Declare that row, or correct the reference.',
    known.length > 0 ? [`declared: ${known.slice(0, 20).join(', ')}`] : [],
  );
}

const keyText = (parts: readonly string[]) => JSON.stringify(parts);

/** Returns the 1-based numbers of the rows of a set by the texts of their keys. */
function keysOf(
  draft: Draft,
  drafts: ReadonlyMap<string, Draft>,
  known: ReadonlyMap<string, ReadonlyMap<string, number>>,
): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [index, row] of draft.rows.entries()) {
    const key = keyText(keyOfRow(draft, row, drafts, known));
    const first = numbers.get(key);
    if (first !== undefined)
      throw usageError(
        'SEED.KEY_REPEATED',
        `${row.place} has the key of seeds.${draft.name}.rows[${first - 1}]: ${key}.`,
        'Give each row of a set a key of its own, or remove one of the two.',
      );
    numbers.set(key, index + 1);
  }
  return numbers;
}

/** The key of a row as texts; a reference in it counts as the key of the row that it refers to. */
function keyOfRow(
  draft: Draft,
  { place, values }: Draft['rows'][number],
  drafts: ReadonlyMap<string, Draft>,
  known: ReadonlyMap<string, ReadonlyMap<string, number>>,
): string[] {
  return draft.key.flatMap((column) => {
    const value = values.get(column);
    if (value === undefined || (value.kind === 'json' && value.json === 'null'))
      throw usageError(
        'SEED.KEY',
        `${place} has no value for ${column}, a column of its key.`,
        'Give the row a value for every column of the key.',
      );
    if (value.kind === 'json') return [keyTextOf(value.json)];
    if (value.kind === 'sql') return [value.sql];
    const { set, n } = rowOf(value, known, `${place}.${column}`);
    const target = drafts.get(set);
    const row = target?.rows[n - 1];
    return target && row ? keyOfRow(target, row, drafts, known) : [];
  });
}

/** Without values, the only row of the set. */
function rowOf(
  { set, key }: Extract<SeedValue, { kind: 'ref' }>,
  known: ReadonlyMap<string, ReadonlyMap<string, number>>,
  place: string,
): RowReference {
  const keys = known.get(set) ?? new Map<string, number>();
  const n = key.length === 0 && keys.size === 1 ? 1 : keys.get(keyText(key));
  if (n !== undefined) return { kind: 'row', set, n };
  const why =
    key.length === 0
      ? `${set} has ${keys.size} rows, and the reference gives no key`
      : `${set} has no row with the key ${key.join(', ')}`;
  throw nothing(
    place,
    why,
    [...keys.keys()].map((text) => text.slice(1, -1)),
  );
}
