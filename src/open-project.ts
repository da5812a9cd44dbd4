import { relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Context } from './context.ts';
import type { Session } from './db/session.ts';
import type { Folder } from './formats/format.ts';
import { DbopsError } from './errors.ts';
import {
  findFolders,
  firstFolder,
  severalFolders,
  type CandidateFolder,
} from './formats/detect.ts';
import { openFolder } from './formats/open-folder.ts';
import { refuseForgottenTable } from './runner/tracking-elsewhere.ts';
import { type MigrationStatus, nothingRecorded, readStatuses } from './runner/tracking-state.ts';

/**
 * Returns the migrations folder that a command works on; asks when there are several.
 *
 * @throws usage error as `readFolder` does
 */
export async function folderOf(context: Context): Promise<Folder> {
  const { trackingTable, shadowPrelude } = context.settings;
  const chosen = await chooseFolder(context);
  // A thousand files are read without a pause: before that, an open connection sends its first message.
  await setImmediate();
  const folder = openFolder(chosen, trackingTable);
  if (shadowPrelude === undefined) return folder;
  const { readPrelude } = await import('./shadow/prelude.ts');
  return { ...folder, format: { ...folder.format, prelude: await readPrelude(shadowPrelude) } };
}

/** Returns the same; undefined for a project without migrations. */
export async function folderIfAny(context: Context): Promise<Folder | undefined> {
  try {
    return await folderOf(context);
  } catch (error) {
    if (error instanceof DbopsError && withoutMigrations.has(error.code)) return undefined;
    throw error;
  }
}

const withoutMigrations = new Set(['FOLDER.MISSING', 'FOLDER.EMPTY', 'FORMAT.UNKNOWN']);

/**
 * Returns the folder for work that migrations only add to, such as checks of data; or why the project has none,
 * or none that dbops can read.
 *
 * @throws usage error when a folder is named that does not exist, and when there are several
 */
export async function folderOrReason(
  context: Context,
): Promise<{ folder: Folder } | { folder?: undefined; reason: DbopsError }> {
  try {
    return { folder: await folderOf(context) };
  } catch (error) {
    if (!(error instanceof DbopsError) || !unreadable.has(error.code)) throw error;
    if (error.code === 'FOLDER.MISSING' && context.settings.migrations !== undefined) throw error;
    return { reason: error };
  }
}

const unreadable = new Set([...withoutMigrations, 'FOLDER.UNSUPPORTED']);

/** Returns the folder that a new migration goes to; it may be missing or empty. */
export async function folderForNew(context: Context): Promise<CandidateFolder> {
  try {
    return await chooseFolder(context);
  } catch (error) {
    if (error instanceof DbopsError && error.code === 'FOLDER.MISSING')
      return firstFolder(context.settings);
    throw error;
  }
}

async function chooseFolder(context: Context): Promise<CandidateFolder> {
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
 * Returns the state of every migration of the folder and of its tracking table.
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
