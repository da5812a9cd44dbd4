import type { Wanted } from '../../shadow/replay-cache-key.ts';
import type { Folder, RowForm } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import type { Diagnosis } from '../diagnose.ts';
import type { TrackedRow } from '../rows.ts';
import type { Judgement } from '../verdict.ts';

/** A row with the name of its judgement. */
export interface NamedRow {
  name: string;
  row: TrackedRow;
}

/** A migration that replaces others, whose files no longer exist, and their rows in order. */
export interface Replacement {
  squashed: Migration;
  rows: NamedRow[];
}

/** What replacements are searched in. */
export interface SquashQuestion {
  folder: Folder;
  wanted: Wanted;
  diagnosis: Diagnosis;
  /** Names of migrations that somebody vouches for. */
  assumed: ReadonlySet<string>;
}

/** Why a row is left. */
export interface LeftRow {
  reason: string;
  /** The migration that says to replace it. */
  squashed: Migration;
}

/** What was found, and why some rows were left. */
export interface Found {
  replacements: Replacement[];
  /** By the name of a row that a migration says to replace, and does not. */
  left: Map<string, LeftRow>;
}

/** Returns the rows of applied migrations without a file of their content that nothing replaces yet. */
export function openRows(
  { diagnosis, folder }: Pick<SquashQuestion, 'diagnosis' | 'folder'>,
  { replacements }: Pick<Found, 'replacements'>,
): NamedRow[] {
  const form = folder.tracking.rows;
  const taken = new Set(replacements.flatMap(({ rows }) => rows.map(({ row }) => row)));
  return diagnosis.judgements.flatMap(({ name, orphan, row, verdict }) =>
    verdict === 'orphan-row' &&
    row &&
    orphan?.by !== 'content' &&
    !taken.has(row) &&
    isApplied(row, form)
      ? [{ name, row }]
      : [],
  );
}

function isApplied({ columns }: TrackedRow, { stateOf }: RowForm): boolean {
  return (stateOf?.(columns) ?? 'applied') === 'applied';
}

/**
 * Returns the rows that a migration may replace: those without a file, and the row that its number or time
 * makes its own, which was that of one of the others.
 */
export function rowsFor(asked: SquashQuestion, found: Found, migration: Migration): NamedRow[] {
  const own = asked.diagnosis.judgements.flatMap(({ name, row, orphan, ...judgement }) =>
    row &&
    isApplied(row, asked.folder.tracking.rows) &&
    (judgement.migration === migration || orphan?.migration === migration)
      ? [{ name, row }]
      : [],
  );
  const others = openRows(asked, found).filter(({ row }) => !own.some((each) => each.row === row));
  return [...others, ...own];
}

/** Whether all effects of a migration are in the catalog, or will be. */
export function isInDatabase(
  { inCatalog, name, failed }: Judgement,
  { assumed }: Pick<SquashQuestion, 'assumed'>,
): boolean {
  const isThere = inCatalog === 'proven' || inCatalog === 'superseded';
  return failed.length === 0 && (isThere || assumed.has(name));
}
