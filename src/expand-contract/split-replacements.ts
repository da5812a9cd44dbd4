import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { statements } from '../formats/shared/written-migration.ts';
import { copyOf } from '../schema-dump/shadow-basis.ts';
import type { DumpContext } from '../schema-dump/sources.ts';
import { migrationOf, proveRecipe, type ReplacingFile } from '../shadow/prove-equal-schema.ts';
import { replayOne } from '../shadow/replay.ts';
import type { Piece } from '../sql/alter-table.ts';
import { changesIn, sortPieces, type ChangedColumn, type SortedPieces } from './column-changes.ts';
import { checkRowsFirst, type RowCheck } from './contract-statements.ts';
import type { FoundMigration } from './find-migration.ts';
import { freeTypeChanges } from './free-type-changes.ts';
import { keySteps, type NewKey } from './new-key.ts';
import { splitMigration, type ExistingSchema, type Split } from './plan.ts';
import {
  assertReplaceable,
  readReplacements,
  zoneOf,
  type Replacements,
} from './read-replacements.ts';
import { replacementSteps } from './replace-column.ts';
import type { ReplacedColumn } from './table-replacement.ts';

export interface ReplacingSplit {
  context: DumpContext;
  folder: Folder;
  found: FoundMigration;
  pieces: readonly Piece[];
  existing: ExistingSchema;
  assignments: readonly string[];
  session: Session;
}

/** A split, and how its statements were sorted. */
export interface SplitParts {
  split: Split;
  sorted: SortedPieces;
  /** Statements that roll back what replaces columns in the first file. */
  undo: string[];
}

/**
 * Splits a migration that may replace columns or primary keys. The files run in a shadow, as does the migration,
 * and both schemas are compared.
 *
 * @throws usage error when a change cannot be split, or the schemas differ
 */
export async function splitWithReplacements(request: ReplacingSplit): Promise<SplitParts> {
  const { context, folder, found, pieces, existing, session } = request;
  const { migration, applied, earlier } = found;
  const changes = [...changesIn(pieces, existing).columns.values()];
  const renames = changes.filter(({ change }) => change === undefined);
  // An earlier migration may drop what uses a column.
  if (earlier.length === 0) await assertReplaceable(session, renames);
  const pending = [...earlier, migration];
  const basis = await copyOf({ context, folder, applied, pending }, session);
  const { format } = basis;
  const before = <T>(work: (shadow: Session) => Promise<T>) =>
    basis.inShadow(async (shadow) => {
      for (const each of earlier) await replayOne(shadow, each, format);
      return work(shadow);
    });
  const { sorted, replacements } = await before((shadow) => readIn(shadow, format, request));
  const demands = replacements.keys.flatMap(requiredBy);
  const split = await splitMigration([...sorted.rest, ...demands], existing);
  if (!isReplacing(sorted)) return { split, sorted, undo: [] };
  const undo = addReplacements(split, replacements);
  split.swap.push(...sorted.last);
  context.progress.update(`comparing the files with ${migration.name} in a shadow database`);
  const files = trialFiles(split);
  const apply = async (shadow: Session) => {
    for (const file of files) await replayOne(shadow, migrationOf(migration, file), format);
  };
  const trial = { format, original: migration, apply, before, isColumnNew: true };
  const proof = await proveRecipe(trial);
  if (!proof.isProven) throw unproven(migration.name, proof.reason);
  return { split, sorted, undo };
}

function isReplacing({ columns, keys }: SortedPieces): boolean {
  return columns.length + keys.length > 0;
}

const nothing: Replacements = { tables: [], keys: [], lossy: [], notes: [] };

async function readIn(
  shadow: Session,
  format: Format,
  { found, pieces, existing, session, assignments }: ReplacingSplit,
): Promise<{ sorted: SortedPieces; replacements: Replacements }> {
  const zone = await zoneOf(session);
  const free = await freeTypeChanges(shadow, pieces, zone);
  const sorted = await sortPieces(pieces, existing, free);
  if (!isReplacing(sorted)) return { sorted, replacements: nothing };
  if (found.earlier.length === 0) await assertReplaceable(session, sorted.columns);
  const { migration } = found;
  const request = { session, shadow, format, migration, sorted, assignments, zone };
  return { sorted, replacements: await readReplacements(request) };
}

/** Adds the steps of replacements to a split. @returns the statements that roll back its first file */
function addReplacements(split: Split, { tables, keys, lossy, notes }: Replacements): string[] {
  const undo: string[] = [];
  const checks: RowCheck[] = [];
  const fills: string[] = [];
  const released: string[] = [];
  for (const key of keys) {
    const steps = keySteps(key);
    split.contract.push(...steps.statements);
    split.undo.unshift(...steps.undo);
    split.notes.push(...steps.notes);
    checks.push(steps.check);
    if (key.next.name !== null) split.moved.add(key.next.name);
  }
  for (const table of tables) {
    const steps = replacementSteps(table);
    split.expand.push(...steps.expand);
    split.contract.push(...steps.prepare);
    split.undo.unshift(...steps.prepareUndo);
    released.push(...steps.release);
    split.swap.push(...steps.swap);
    split.allowed.push(...table.columns.flatMap(allowedBy));
    split.columns.push(...steps.empty);
    checks.push(...steps.checks);
    fills.push(...steps.fill);
    undo.unshift(...steps.expandUndo);
  }
  split.swap.unshift(...released);
  split.contract.unshift(...fills, checkRowsFirst(checks));
  split.keepsValues = lossy.length === 0;
  split.notes.push(...notes, ...lossy.map(lossNote));
  return undo;
}

function trialFiles({ expand, contract, swap }: Split): ReplacingFile[] {
  const files = [
    { suffix: '', sql: statements(expand), noTransaction: false },
    {
      suffix: 'prepare',
      sql: `-- dbops: no-transaction\n${statements(contract)}`,
      noTransaction: true,
    },
    { suffix: 'contract', sql: statements(swap), noTransaction: false },
  ];
  return files.filter(({ sql }) => sql !== '');
}

/** The application finds a column of the same name before and after the swap. */
function allowedBy({ change: { table, column, change }, to }: ReplacedColumn): string[] {
  if (!change) return [];
  const because = `because it takes the place of ${column}`;
  return [
    `dbops: allow drop on ${table.name}.${column} because ${to} takes its place`,
    `dbops: allow rename on ${table.name}.${to} ${because}`,
  ];
}

function lossNote({ table, column }: ChangedColumn): string {
  return `${table.name}.${column}: not every value can be converted back. In the last file, dbops migrate up first copies the old values to dbops_rescue while it holds the lock; --discard-data drops them without a copy.`;
}

/** The columns of a primary key become NOT NULL. */
function requiredBy({ change: { table }, former, next }: NewKey): Piece[] {
  const nullable = next.columns.filter((column) => !former.required.includes(column));
  return nullable.map((column) => ({ kind: 'set-not-null', sql: '', table, column }));
}

function unproven(name: string, reason: string[]) {
  return usageError(
    'EXPAND.UNPROVEN',
    `The files would not produce the schema of ${name}; no file was written.`,
    'Move the statements behind these differences to a migration of their own, and run the command again.',
    reason,
  );
}
