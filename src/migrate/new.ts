import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { usageError } from '../errors.ts';
import type { CandidateFolder } from '../formats/detect.ts';
import type { Format, NewMigration } from '../formats/format.ts';
import { slugOf } from '../formats/shared/new-migration.ts';

/**
 * Creates the files of a new migration in the format of the folder; never overwrites a file.
 *
 * @returns their paths
 * @throws usage error when only the tool can create a migration
 */
export function writeNewMigration(
  { directory, names, format }: CandidateFolder,
  wanted: Omit<NewMigration, 'migrations'>,
): string[] {
  const write = writerOf(format, wanted.title);
  const { migrations } = format.read(directory, names);
  return Object.entries(write({ ...wanted, migrations })).map(([file, content]) => {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { flag: 'wx' });
    return path;
  });
}

/** @throws usage error when only the tool can create a migration */
function writerOf(
  { name, newFiles, newCommand }: Format,
  title: string,
): (wanted: NewMigration) => Record<string, string> {
  if (newFiles) return newFiles;
  throw usageError(
    'NEW.TOOL',
    `${name} keeps a record of each migration beside its file, and skips files without one.`,
    newCommand?.(slugOf(title)) ?? `Create the migration with ${name}.`,
  );
}
