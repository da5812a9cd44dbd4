import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { piecesOf } from '../sql/alter-table.ts';
import { backfillsFor } from './backfills.ts';
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
  if (split.contract.length === 0) throw nothingToSplit(migration);
  const backfills = await backfillsFor(session, split.columns, assignments);
  const files = filesOf({ folder, migration, split, rollback, backfills, now });
  return { files, backfills: [...backfills.keys()], notes: split.notes };
}

async function readSplit(session: Session, { up, down }: Migration) {
  const pieces = up.kind === 'sql' ? await piecesOf(up.sql) : [];
  const split = splitMigration(pieces, await readKnown(session, pieces));
  const rollback =
    down?.kind === 'sql' ? withoutMoved(await piecesOf(down.sql), split.moved) : undefined;
  return { split, rollback };
}

function nothingToSplit({ name }: Migration) {
  return usageError(
    'EXPAND.NOTHING',
    `${name} requires nothing of existing rows.`,
    'Apply it unchanged: dbops migrate up',
  );
}
