import type { DumpContext } from '../schema-dump/sources.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { shellWord } from '../output/shell.ts';
import { piecesOf, type Piece } from '../sql/alter-table.ts';
import { readPlacedAssignment } from '../sql/expression.ts';
import { backfillsFor, namesOf, type FilledValue } from './backfills.ts';
import { changesIn, isSuperseded, type SortedPieces } from './column-changes.ts';
import { readKnown } from './derive.ts';
import { filesOf, type SplitFiles } from './files.ts';
import { findMigration, nameIn, type FoundMigration } from './find-migration.ts';
import { splitMigration, withoutMoved, type Split } from './plan.ts';
import type { SplitParts } from './split-replacements.ts';

export interface ExpandContractRequest {
  context: DumpContext;
  folder: Folder;
  /** Name or path of the migration. */
  wanted: string;
  /** `TABLE.COLUMN = EXPRESSION`, for columns whose value cannot be derived. */
  assignments: readonly string[];
  now: Date;
}

/** What a migration was split into; no file is written yet. */
export interface ExpandContractPlan {
  files: SplitFiles;
  /** Names of the backfills. */
  backfills: string[];
  /** What existing rows get, and why. */
  values: FilledValue[];
  /** Remarks to review. */
  notes: string[];
  /** The migration to apply before a new version of the application is deployed. */
  deployAfter?: string;
}

/**
 * Splits a pending migration into expand, backfill and contract.
 *
 * @throws usage error for a migration that cannot be split, or a column without a value
 */
export async function planExpandContract(
  session: Session,
  request: ExpandContractRequest,
): Promise<ExpandContractPlan> {
  const { folder, wanted, now } = request;
  const found = await findMigration(session, folder, wanted);
  const { migration } = found;
  const { split, sorted, undo } = await readSplit(session, request, found);
  if (split.contract.length === split.blocking.length) throw nothingToSplit(migration, split);
  const given = await withoutWayBack(request.assignments, sorted);
  const { backfills, values, fills, unfilled } = await backfillsFor(session, split.columns, given);
  split.contract.unshift(...fills);
  const rollback = await rollbackOf(migration, { split, sorted, undo });
  const files = filesOf({ folder, migration, split, rollback, backfills, now });
  const unknown = (await namesOf(unfilled)).map(
    (name) =>
      `${name}: rows without a value stay as they are. To fill them, run the command again with --set ${shellWord(`${name} = EXPRESSION`)}`,
  );
  const names = [...backfills.keys()];
  const notes = [
    ...split.notes,
    ...unknown,
    ...renameNotes(sorted),
    ...toolNotes(folder.format, split, names),
  ];
  const isRename = sorted.columns.some(({ change }) => change === undefined);
  const prepare = Object.keys(files).find((path) => /_prepare\b(?!.*\bdown\.sql$)/.test(path));
  return {
    files,
    backfills: names,
    values,
    notes,
    ...(isRename && prepare !== undefined && { deployAfter: nameIn(prepare) }),
  };
}

/** Assignments of --set for old columns are no values of existing rows. */
async function withoutWayBack(
  assignments: readonly string[],
  sorted: SortedPieces,
): Promise<string[]> {
  const { isFor } = await import('./read-replacements.ts');
  const kept: string[] = [];
  for (const each of assignments) {
    const placed = await readPlacedAssignment(each, '--set');
    if (!sorted.columns.some((change) => isFor(placed, change))) kept.push(each);
  }
  return kept;
}

function renameNotes({ columns }: SortedPieces): string[] {
  const renamed = columns.filter(({ change }) => change === undefined);
  return renamed.map(
    ({ table, column, final }) =>
      `${table.name}.${column} and ${final} hold the same values until the last file drops ${column}: apply that one when no running version of the application uses ${column}. Until then, an INSERT that writes NULL to ${final} gets the default of ${column}.`,
  );
}

/** Returns what the tool of the folder can run of the result, and when. */
function toolNotes(
  { name }: Folder['format'],
  { expand, contract }: Split,
  backfills: readonly string[],
): string[] {
  if (name === 'dbops') return [];
  const isConcurrent = contract.some((sql) => /\bconcurrently\b/i.test(sql));
  if (isConcurrent && expand.length === 0)
    return [
      `${name} cannot apply the file: it sends a file as one transaction or one message, where CREATE INDEX CONCURRENTLY fails. Apply it with dbops migrate up; ${name} then finds it recorded.`,
    ];
  if (isConcurrent)
    return [
      `${name} can apply the first file, but not the contract: it sends a file as one transaction or one message, where CREATE INDEX CONCURRENTLY fails. Apply the contract with dbops migrate up; ${name} then finds it recorded.`,
    ];
  const after = backfills.map((each) => `dbops backfill run ${each}`).join(' && ');
  if (expand.length === 0)
    return after === ''
      ? []
      : [
          `${name} can apply the file after: ${after}. Until every row has a value, it fails and changes nothing.`,
        ];
  return [
    `${name} can apply all files${after && `, the contract only after: ${after}`}. Until every row has a value, the contract fails and changes nothing.`,
  ];
}

async function readSplit(
  session: Session,
  request: ExpandContractRequest,
  found: FoundMigration,
): Promise<SplitParts> {
  const { up } = found.migration;
  const pieces = up.kind === 'sql' ? await piecesOf(up.sql) : [];
  const existing = await readKnown(session, pieces);
  const { columns, keys } = changesIn(pieces, existing);
  if (columns.size + keys.size === 0) {
    const sorted = { columns: [], keys: [], rest: [...pieces], last: [] };
    return { split: await splitMigration(pieces, existing), sorted, undo: [] };
  }
  const { splitWithReplacements } = await import('./split-replacements.ts');
  const { context, folder, assignments } = request;
  return splitWithReplacements({
    context,
    folder,
    assignments,
    found,
    pieces,
    existing,
    session,
  });
}

/** Returns the statements of its rollback that remain in the first file, where it has one. */
async function rollbackOf(
  { down }: Migration,
  { split, sorted, undo }: SplitParts,
): Promise<string[] | undefined> {
  if (down?.kind !== 'sql') return undefined;
  const remaining = (await piecesOf(down.sql)).filter((piece) => !isReplaced(piece, sorted));
  return [...undo, ...withoutMoved(remaining, split.moved)];
}

/** A statement of the rollback that reverses what the split replaces. */
function isReplaced(piece: Piece, sorted: SortedPieces): boolean {
  if (isSuperseded(piece, sorted.columns, sorted.keys)) return true;
  if (piece.kind === 'rename-column' || piece.kind === 'alter-type')
    return sorted.columns.some(
      ({ table, column, final }) =>
        table.name === piece.table.name && [column, final].includes(piece.column),
    );
  const isKey = piece.kind === 'add-constraint' && piece.constraint.kind === 'primary';
  return isKey && sorted.keys.some(({ table }) => table.name === piece.table.name);
}

function nothingToSplit({ name }: Migration, { notes }: Split) {
  if (notes.length > 0)
    return usageError(
      'EXPAND.UNSUPPORTED',
      `${name} cannot be split; no file was written.`,
      'For the safe form of other statements, run: dbops migrate plan --fix',
      notes,
    );
  return usageError(
    'EXPAND.NOTHING',
    `${name} requires nothing of existing rows.`,
    'Apply it unchanged: dbops migrate up',
  );
}
