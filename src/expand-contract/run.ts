import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { shellWord } from '../output/shell.ts';
import { piecesOf } from '../sql/alter-table.ts';
import { backfillsFor, namesOf, type FilledValue } from './backfills.ts';
import { readKnown } from './derive.ts';
import { filesOf, type SplitFiles } from './files.ts';
import { findMigration } from './find-migration.ts';
import { splitMigration, withoutMoved } from './plan.ts';

export interface ExpandContractRequest {
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
}

/**
 * Splits a pending migration into expand, backfill and contract.
 *
 * @throws usage error for a migration that cannot be split, or a column without a value
 */
export async function planExpandContract(
  session: Session,
  { folder, wanted, assignments, now }: ExpandContractRequest,
): Promise<ExpandContractPlan> {
  const migration = await findMigration(session, folder, wanted);
  const { split, rollback } = await readSplit(session, migration);
  if (split.contract.length === 0) throw await nothingToSplit(migration);
  const { backfills, values, unfilled } = await backfillsFor(session, split.columns, assignments);
  const files = filesOf({ folder, migration, split, rollback, backfills, now });
  const unknown = (await namesOf(unfilled)).map(
    (name) =>
      `${name}: rows without a value stay as they are. To fill them, run the command again with --set ${shellWord(`${name} = EXPRESSION`)}`,
  );
  const names = [...backfills.keys()];
  const notes = [...split.notes, ...unknown, ...toolNotes(folder.format, split.contract, names)];
  return { files, backfills: names, values, notes };
}

/** Returns what the tool of the folder can run of the result, and when. */
function toolNotes(
  { name }: Folder['format'],
  contract: readonly string[],
  backfills: readonly string[],
): string[] {
  if (name === 'dbops') return [];
  const isConcurrent = contract.some((sql) => /\bconcurrently\b/i.test(sql));
  if (isConcurrent)
    return [
      `${name} can apply the first file, but not the contract: it sends a file as one transaction or one message, where CREATE INDEX CONCURRENTLY fails. Apply the contract with dbops migrate up; ${name} then finds it recorded.`,
    ];
  const after = backfills.map((each) => `dbops backfill run ${each}`).join(' && ');
  return [
    `${name} can apply both files${after && `, the contract only after: ${after}`}. Until every row has a value, the contract fails and changes nothing.`,
  ];
}

async function readSplit(session: Session, { up, down }: Migration) {
  const pieces = up.kind === 'sql' ? await piecesOf(up.sql) : [];
  const split = splitMigration(pieces, await readKnown(session, pieces));
  const rollback =
    down?.kind === 'sql' ? withoutMoved(await piecesOf(down.sql), split.moved) : undefined;
  return { split, rollback };
}

async function nothingToSplit({ name, up }: Migration) {
  const pieces = up.kind === 'sql' ? await piecesOf(up.sql) : [];
  const kinds = {
    'alter-type': 'changes the type of a column',
    'rename-column': 'renames a column',
  };
  const unsplit = pieces.flatMap(({ kind }) =>
    kind === 'alter-type' || kind === 'rename-column' ? kinds[kind] : [],
  );
  if (unsplit[0] !== undefined)
    return usageError(
      'EXPAND.UNSUPPORTED',
      `${name} ${unsplit[0]}, which dbops does not split.`,
      'Add a new column in one migration, fill it with dbops backfill run, and drop the old column in a later migration.',
    );
  return usageError(
    'EXPAND.NOTHING',
    `${name} requires nothing of existing rows.`,
    'Apply it unchanged: dbops migrate up',
  );
}
