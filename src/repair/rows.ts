import type { RowColumns, RowForm } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { replacedBy } from '../sql/directives.ts';
import { upSourceOf } from '../text-file.ts';

/** A row of a tracking table, whole. */
export interface TrackedRow {
  /** Where it is in the table (server manual, "System Columns": ctid), while the table is locked. */
  place: string;
  columns: RowColumns;
}

/** The rows of a tracking table beside the migrations of a folder. */
export interface Matches {
  /** Rows that say that their migration is applied. */
  owners: ReadonlyMap<Migration, TrackedRow>;
  /** Rows that say that it failed. */
  failed: ReadonlyMap<Migration, TrackedRow[]>;
  /** Rows of migrations that have one already. */
  duplicates: { row: TrackedRow; migration: Migration }[];
  orphans: Orphan[];
}

/** A row of no migration of the folder. */
export interface Orphan {
  row: TrackedRow;
  /** The unrecorded one that it most likely belongs to, with the reason. */
  migration?: Migration;
  by?: Likeness;
}

/** A number alone is the weakest: files of two projects can have the same. */
type Likeness = 'content' | 'name' | 'number';

/** Whether a row is of a file that no longer exists, as far as is known. */
export function isStray({ migration, by }: Orphan): boolean {
  return !migration || by === 'number';
}

/** Finds the migration of each row: as the tool does, and where that fails, by content and name. */
export function matchRows(
  rows: readonly TrackedRow[],
  migrations: readonly Migration[],
  form: RowForm,
): Matches {
  const stateOf = ({ columns }: TrackedRow) => form.stateOf?.(columns) ?? 'applied';
  const counting = rows.filter((row) => stateOf(row) === 'applied');
  const isKnown = (row: TrackedRow, migration: Migration) => isKnownAs(row, migration, form);
  const isSame = (row: TrackedRow, migration: Migration) => hasContent(row, migration, form);
  const owners = new Map<Migration, TrackedRow>();
  const open = new Set(counting);
  const claim = (fits: (row: TrackedRow, migration: Migration) => boolean) => {
    for (const row of open) {
      const owner = migrations.find((each) => !owners.has(each) && fits(row, each));
      if (!owner) continue;
      owners.set(owner, row);
      open.delete(row);
    }
  };
  claim((row, migration) => isKnown(row, migration) && isSame(row, migration));
  claim(isKnown);
  const duplicates = [...open].flatMap((row) => {
    const migration = migrations.find((each) => isKnown(row, each));
    return migration ? [{ row, migration }] : [];
  });
  for (const { row } of duplicates) open.delete(row);
  const failed = Map.groupBy(
    rows.filter((row) => stateOf(row) === 'failed'),
    (row) => migrations.find((each) => isKnown(row, each)),
  );
  const strays = [...open, ...(failed.get(undefined) ?? [])];
  const known = [...failed].flatMap(([migration, ofIt]): [Migration, TrackedRow[]][] =>
    migration ? [[migration, ofIt]] : [],
  );
  const free = migrations.filter((each) => !owners.has(each) && !failed.has(each));
  return { owners, failed: new Map(known), duplicates, orphans: adopt(strays, free, form) };
}

/** Whether the tool takes a row for that of a migration. */
export function isKnownAs({ columns }: TrackedRow, migration: Migration, form: RowForm): boolean {
  const expected = form.columnsOf(migration);
  return form.knownBy.every((column) => {
    const value = columns[column];
    return value !== null && value !== undefined && String(value) === String(expected[column]);
  });
}

/** Whether the row records this content of the file; false also where the tool records none. */
export function hasContent({ columns }: TrackedRow, migration: Migration, form: RowForm): boolean {
  if (migration.isMissing) return false;
  const content = form.contentOf?.(columns, migration) ?? null;
  return (
    content !== null &&
    (content === migration.hash || (migration.otherHashes?.includes(content) ?? false))
  );
}

function adopt(strays: readonly TrackedRow[], free: readonly Migration[], form: RowForm): Orphan[] {
  const left = new Set(free);
  const found = new Map<TrackedRow, Orphan>();
  const settle = (by: Likeness, fits: (row: TrackedRow, migration: Migration) => boolean) => {
    for (const row of strays) {
      if (found.has(row)) continue;
      const [only, another] = [...left].filter((each) => fits(row, each));
      if (!only || another) continue;
      left.delete(only);
      found.set(row, { row, migration: only, by });
    }
  };
  settle('content', (row, migration) => form.ownerOf?.(row.columns) === migration);
  settle('content', (row, migration) => hasContent(row, migration, form));
  settle('name', (row, migration) => isAlike(nameOfRow(row, form), migration.name));
  settle('number', (row, migration) => hasSameNumber(nameOfRow(row, form), migration.name));
  return strays.map((row) => found.get(row) ?? { row });
}

/** Renumbered, re-timed, or with another ending: the words are the same. */
function isAlike(recorded: string, name: string): boolean {
  const words = slugOf(recorded);
  return words !== '' && words === slugOf(name);
}

/** Renamed: the number or the time before the words is the same. */
function hasSameNumber(recorded: string, name: string): boolean {
  const [number] = /^\d+/.exec(recorded) ?? [];
  return number !== undefined && number === /^\d+/.exec(name)?.[0];
}

function slugOf(name: string): string {
  return name.replace(/^\d+[-_]*/, '').replace(/\.[cm]?[jt]s$/, '');
}

/** What a row calls its migration. */
export function nameOfRow({ columns }: TrackedRow, { knownBy }: RowForm): string {
  const known = knownBy.map((column) => columns[column]).filter((value) => value !== null);
  const name = columns['name'];
  const words = typeof name === 'string' && !knownBy.includes('name') ? [...known, name] : known;
  return words.length > 0 ? words.map(String).join('_') : '(no name)';
}

/** Returns the names that a row can be called by: its key, and its full name. */
export function wordsOfRow({ columns }: TrackedRow, form: RowForm): string[] {
  const key = form.knownBy.map((column) => String(columns[column] ?? '')).join('_');
  return [key, nameOfRow({ place: '', columns }, form)].map(asWord);
}

/** Returns a name as one word of a directive. */
export function asWord(name: string): string {
  return name.replaceAll(/\s/g, encodeURIComponent);
}

/** Returns the rows of `-- dbops: replaces NAME` lines: they are of the migration that has the line. */
export function declaredRows(
  migrations: readonly Migration[],
  orphans: readonly Orphan[],
  form: RowForm,
): Set<TrackedRow> {
  if (orphans.length === 0) return new Set();
  const names = new Set(migrations.flatMap((each) => replacedBy(upSourceOf(each)).flat()));
  const declared = orphans.filter(({ row }) =>
    wordsOfRow(row, form).some((word) => names.has(word)),
  );
  return new Set(declared.map(({ row }) => row));
}
