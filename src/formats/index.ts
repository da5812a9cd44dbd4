import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { usageError } from '../errors.ts';
import { dbops } from './dbops.ts';
import type { Folder, Format } from './format.ts';

/** Every format, the most particular first. */
export const formats: Format[] = [dbops];

interface Wanted {
  /** The folder that was asked for. */
  migrations?: string;
  format?: string;
  /** Where to look when none was. */
  root: string;
}

/**
 * Finds and reads the folder of migrations.
 *
 * @throws usage error when there is none, when it is empty, or when no format knows its files
 */
export function readFolder(wanted: Wanted): Folder {
  const directory = wanted.migrations ?? join(wanted.root, 'migrations');
  if (!existsSync(directory) || !statSync(directory).isDirectory())
    throw usageError(
      'FOLDER.MISSING',
      `There is no folder ${directory}.`,
      'Name it with --migrations DIR, or start one: dbops migrate new NAME',
    );
  const files = readdirSync(directory);
  const format = formatOf(directory, files, wanted.format);
  const migrations = format.read(directory, files);
  if (migrations.length === 0)
    throw usageError(
      'FOLDER.EMPTY',
      `${directory} holds no migrations of format ${format.name}.`,
      'Name another folder with --migrations DIR, or start here: dbops migrate new NAME',
    );
  return { format, directory, migrations };
}

function formatOf(directory: string, files: string[], asked: string | undefined): Format {
  const names = formats.map(({ name }) => name).join(', ');
  const found = formats.find((format) => (asked ? format.name === asked : format.matches(files)));
  if (found) return found;
  if (asked)
    throw usageError('FORMAT.UNKNOWN', `There is no format ${asked}.`, `Known formats: ${names}`);
  if (files.length === 0) return dbops;
  throw usageError(
    'FORMAT.UNKNOWN',
    `No format that dbops knows matches the files of ${basename(directory)}.`,
    `Name the folder with --migrations DIR, or the format with --format (${names}).`,
  );
}
