import { relative } from 'node:path';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { findFolders, severalFolders } from '../formats/detect.ts';
import { openFolder } from '../formats/open-folder.ts';
import type { Migration } from '../migration.ts';
import { sameStatements } from '../sql/same-statements.ts';
import { readRows } from './read.ts';
import { matchRows } from './rows.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Plan } from './plan.ts';

/** The folders of a move from one tool to another. */
export interface Move {
  to: Folder;
  /** What the database was migrated with so far, where it can be found. */
  from?: Folder;
}

/**
 * The folder in the new format, and the one in the old: the folders that were named, or those that
 * are found.
 *
 * @throws usage error when no folder has the new format, or several do
 */
export function readMove(
  { settings }: Context,
  { adopt, from }: { adopt: string; from?: string | undefined },
): Move {
  const { root, trackingTable, migrations } = settings;
  const candidates = findFolders({ root, format: adopt, ...(migrations && { migrations }) });
  const [only, another] = candidates;
  if (!only || another) throw severalFolders(candidates, root);
  const to = openFolder(only, trackingTable);
  const others = from ? findFolders({ root, migrations: from }) : elsewhere(root, to.directory);
  const [old, second] = others;
  if (!old || second) return { to };
  return { to, from: openFolder(old) };
}

/** Without a name given, the only other folder. */
function elsewhere(root: string, directory: string) {
  try {
    return findFolders({ root }).filter((each) => each.directory !== directory);
  } catch (error) {
    if (error instanceof DbopsError) return [];
    throw error;
  }
}

/**
 * Names of the migrations that leave no trace in the catalog, and that the old tool has recorded:
 * its folder has one with the very same statements.
 */
export async function carriedOver(
  session: Session,
  { to, from }: Move,
  { judgements }: Diagnosis,
): Promise<string[]> {
  const open = judgements.filter(({ verdict }) => verdict === 'unprovable');
  if (!from || open.length === 0) return [];
  const rows = (await readRows(session, from.tracking.rows)) ?? [];
  const { owners } = matchRows(rows, from.migrations, from.tracking.rows);
  const recorded = [...owners.keys()];
  const names: string[] = [];
  for (const { migration } of open)
    if (migration && (await isAmong(recorded, migration))) names.push(migration.name);
  if (to.tracking.rows.table === from.tracking.rows.table) return [];
  return names;
}

async function isAmong(recorded: readonly Migration[], { up }: Migration): Promise<boolean> {
  if (up.kind !== 'sql') return false;
  for (const other of recorded)
    if (other.up.kind === 'sql' && (await sameStatements(other.up.sql, up.sql))) return true;
  return false;
}

/** A history with a gap is none: the new tool would run what the old one ran. @throws code 6 */
export function refuseIncomplete({ to }: Move, { judgements }: Diagnosis, { actions }: Plan): void {
  const done = new Set(
    actions.map((action) => ('migration' in action ? action.migration.name : action.name)),
  );
  const last = judgements.findLastIndex(
    ({ migration, inCatalog }) =>
      migration &&
      (inCatalog === 'proven' || inCatalog === 'superseded' || inCatalog === 'partial'),
  );
  const open = judgements
    .slice(0, last + 1)
    .filter(({ name, row, migration }) => migration && !row && !done.has(name));
  if (open.length === 0) return;
  throw new DbopsError({
    code: 'REPAIR.ADOPT_INCOMPLETE',
    exitCode: exitCodes.desynchronised,
    message: `Some migrations of ${relative(process.cwd(), to.directory) || '.'} up to ${judgements[last]?.name ?? ''} are not proven; nothing was written.`,
    reason: open.slice(0, 10).map(({ name, verdict }) => `${name}: ${verdict}`),
    hint: 'Pass the folder of the old tool with --from DIR, or record a migration without proof: --assume NAME',
  });
}

/** `--from` says where a move comes from. */
export function refuseFromAlone({
  adopt,
  from,
}: {
  adopt?: string | undefined;
  from?: string | undefined;
}) {
  if (from === undefined || adopt !== undefined) return;
  throw usageError('USAGE', '--from requires --adopt.', 'Name the new format: --adopt FORMAT');
}
