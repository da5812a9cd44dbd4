import { relative } from 'node:path';
import type { Context } from './context.ts';
import type { Session } from './db/session.ts';
import type { Folder } from './formats/format.ts';
import { findFolders, severalFolders, type CandidateFolder } from './formats/detect.ts';
import { openFolder } from './formats/open-folder.ts';
import { type MigrationStatus, readStatuses } from './runner/tracking-state.ts';
import { nothingRecorded, refuseForgottenTable } from './runner/tracking-elsewhere.ts';

/**
 * Returns the migrations folder that a command works on; asks when there are several.
 *
 * @throws usage error as `readFolder` does
 */
export async function folderOf(context: Context): Promise<Folder> {
  return openFolder(await chooseFolder(context), context.settings.trackingTable);
}

/** The same, not yet read: it may be empty. */
export async function chooseFolder(context: Context): Promise<CandidateFolder> {
  const { settings } = context;
  const candidates = findFolders(settings);
  const [only, another] = candidates;
  if (only && !another) return only;
  const choices = candidates.map((candidate) => ({
    name: `${relative(settings.root, candidate.directory) || '.'}  (${candidate.format.name})`,
    value: candidate,
  }));
  const chosen = await context.choose('Which folder of migrations?', choices);
  if (!chosen) throw severalFolders(candidates, settings.root);
  return chosen;
}

/**
 * The folder beside its tracking table.
 *
 * @throws usage error when the table records nothing and another one does
 */
export async function knownStatuses(
  context: Context,
  session: Session,
  folder: Folder,
): Promise<MigrationStatus[]> {
  const statuses = await readStatuses(session, folder);
  if (nothingRecorded(statuses)) await refuseForgottenTable(context, session, folder);
  return statuses;
}
