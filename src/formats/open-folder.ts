import { usageError } from '../errors.ts';
import { findFolders, severalFolders, type CandidateFolder, type FolderRequest } from './detect.ts';
import { codeOf } from '../db/connection-error.ts';
import type { Direction, Migration } from '../migration.ts';
import type { Finding } from '../report.ts';
import { flawOfFile, flawWhenRead, type TextFlaw } from '../text-file.ts';
import type { Folder, Format, Tracking } from './format.ts';
import { findingOf, refusedScript, type Flaw } from './shared/flaw.ts';
import { textOf, type TrackingTableName } from './shared/tracking-table.ts';

/**
 * Finds and reads the folder of migrations.
 *
 * @throws usage error when no folder or several folders are found, when it is empty, or when no
 *   format matches its files
 */
export function readFolder(request: FolderRequest): Folder {
  const candidates = findFolders(request);
  const [only, another] = candidates;
  if (!only || another) throw severalFolders(candidates, request.root);
  return openFolder(only, request.trackingTable);
}

/**
 * Reads the migrations of a folder.
 *
 * @throws usage error when it has no migrations, or its tool cannot use that tracking table
 */
export function openFolder(
  { directory, names, format }: CandidateFolder,
  trackingTable?: TrackingTableName,
): Folder {
  const contents = format.read(directory, names, trackingTable);
  if (trackingTable) assertTrackingTable(format, contents.tracking, trackingTable);
  const { loadModule, ...folder } = contents;
  folder.findings.push(...refuseOtherEncodings(folder.migrations));
  if (folder.migrations.length > 0)
    return { format: loadModule ? { ...format, loadModule } : format, directory, ...folder };
  throw usageError(
    'FOLDER.EMPTY',
    `No ${format.name} migrations found in ${directory}.`,
    'Pass another folder with --migrations DIR, or create the first migration: dbops migrate new NAME',
    contents.findings.map(({ message }) => message),
  );
}

/**
 * Replaces the scripts of files that are not UTF-8: they are listed, but reading their SQL throws. The
 * server would store their text with replacement characters, or stop at a NUL byte. A file that only rolls
 * back is not read here: its script throws when it is.
 *
 * @returns a finding for each file
 */
function refuseOtherEncodings(migrations: readonly Migration[]): Finding[] {
  const findings: Finding[] = [];
  for (const migration of migrations) {
    const { up } = migration;
    const found = flawWhenRead(up.file);
    if (!found) continue;
    const flaw = encodingFlaw(found);
    migration.up = refusedScript(up.file, flaw);
    if (migration.down?.file === up.file) migration.down = refusedScript(up.file, flaw);
    findings.push(encodingFinding(flaw, migration, 'up'));
  }
  return findings;
}

/** Returns the findings of a folder with those that take time: of single migrations, and of files that only roll back. */
export function findingsOf({ findings, findFlaws, migrations }: Folder): Finding[] {
  const ofDowns = migrations.flatMap((migration) => {
    const { up, down } = migration;
    const flaw = down && down.file !== up.file ? encodingFlawOf(down.file) : undefined;
    return flaw ? encodingFinding(flaw, migration, 'down') : [];
  });
  return [...findings, ...(findFlaws?.() ?? []), ...ofDowns];
}

function encodingFinding(flaw: Flaw, migration: Migration, direction: Direction): Finding {
  const finding = findingOf(flaw, migration.name, migration[direction]?.file ?? '');
  return { ...finding, key: `${finding.key} ${direction}` };
}

const encodingFlaw = (flaw: TextFlaw): Flaw => ({ code: 'not-utf8', ...flaw });

function encodingFlawOf(file: string): Flaw | undefined {
  try {
    const flaw = flawOfFile(file);
    return flaw && encodingFlaw(flaw);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined; // listed, but missing: the format reports it
    throw error;
  }
}

/** Rejects another table for a tool whose tracking table has a fixed name: its format ignores the request. */
function assertTrackingTable(
  { name }: Format,
  { tables, table }: Tracking,
  requested: TrackingTableName,
): void {
  const [own = ''] = tables;
  const isOwn =
    requested.schema === undefined
      ? own.endsWith(`.${requested.table}`)
      : own === `${requested.schema}.${requested.table}`;
  if (isOwn) return;
  throw usageError(
    'TRACKING.FIXED',
    `${name} migrations cannot be tracked in ${textOf(requested)}: the tool always uses ${table}.`,
    'Remove --tracking-table, or pass the format that uses this table with --format.',
  );
}
