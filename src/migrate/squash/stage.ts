import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { usageError } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import type { FolderChanges } from '../../formats/shared/squash-request.ts';
import type { TrackingTableName } from '../../formats/shared/tracking-table.ts';
import type { Migration } from '../../migration.ts';
import type { SquashPlan } from './plan.ts';

/** The folder as it will be. */
export interface Staged {
  migrations: readonly Migration[];
  squashed: Migration;
  /** Place of the squashed migration. */
  at: number;
}

/**
 * Runs `work` with the changed folder, read by its format from a copy, so that everything is known of the
 * new file before it is written.
 *
 * @throws usage error where its name would change the place or the content of another migration
 */
export async function withStaged<T>(
  folder: Folder,
  plan: SquashPlan,
  trackingTable: TrackingTableName | undefined,
  work: (staged: Staged) => Promise<T>,
): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), 'dbops-squash-'));
  try {
    const directory = join(root, basename(dirname(folder.directory)), basename(folder.directory));
    copyFolder(folder.directory, directory);
    change(directory, plan.changes);
    const { migrations } = folder.format.read(directory, readdirSync(directory), trackingTable);
    return await work({ migrations, ...positionIn(migrations, plan) });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const unrelated = new Set(['node_modules', '.git']);

/** graphile-migrate has its settings beside the folder. */
function copyFolder(from: string, to: string): void {
  const filter = (path: string) => !unrelated.has(basename(path));
  cpSync(from, to, { recursive: true, filter });
  const settings = join(dirname(from), '.gmrc');
  if (existsSync(settings)) cpSync(settings, join(dirname(to), '.gmrc'));
}

function change(directory: string, { add, replace, remove }: FolderChanges): void {
  writeTexts(directory, { ...add, ...replace });
  removeFiles(directory, remove);
}

/** Writes files below a directory. */
export function writeTexts(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** Removes files below a directory, in order, and the directories that they leave empty. */
export function removeFiles(directory: string, files: readonly string[]): void {
  for (const file of files) {
    const path = join(directory, file);
    rmSync(path, { force: true });
    const parent = dirname(path);
    if (dirname(file) !== '.' && existsSync(parent) && readdirSync(parent).length === 0)
      rmSync(parent, { recursive: true });
  }
}

function positionIn(
  migrations: readonly Migration[],
  { members, migrations: before }: SquashPlan,
): Pick<Staged, 'squashed' | 'at'> {
  const at = before.indexOf(members[0]);
  const squashed = migrations[at];
  const others = migrations.filter((each) => each !== squashed);
  const kept = before.filter((each) => !members.includes(each));
  const isSame = others.every((each, index) => {
    const other = kept[index];
    return each.name === other?.name && each.hash === other.hash;
  });
  if (squashed && others.length === kept.length && isSame) return { squashed, at };
  throw usageError(
    'SQUASH.NAME',
    `The tool would not read the squashed file in the place of ${members[0].name}. Nothing was changed.`,
    'Choose a title that sorts before the name of the next migration: --name TITLE',
  );
}
