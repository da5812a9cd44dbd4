import type { EmbeddedExtensions } from '../db/pglite-extensions.ts';
import { shippedExtensions } from '../db/pglite-extensions.ts';
import { DbopsError, fileError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { findFolders, type FolderRequest } from '../formats/detect.ts';
import { openFolder } from '../formats/open-folder.ts';
import type { Migration } from '../migration.ts';
import { upSourceOf } from '../text-file.ts';
import { preludesOf } from './prelude.ts';

/**
 * Extensions that must be preloaded. The setting is stored in the directory, which then opens only
 * with them.
 */
const preloaded = new Set(['pg_stat_statements']);

/** Extensions that `CASCADE` creates with another one, without naming them. */
const requires: Readonly<Record<string, readonly string[]>> = { earthdistance: ['cube'] };

/**
 * Returns the extensions with which an embedded shadow must be opened to replay these migrations. A
 * hidden `CREATE EXTENSION` (a DO block, a format string) also contains the name; an unneeded
 * extension costs a little time.
 */
export function extensionsFor(
  migrations: readonly Migration[],
  format: Format,
): EmbeddedExtensions {
  const { platform } = format;
  const shipped = shippedExtensions();
  const names = new Set(namesIn([...textsOf(migrations), ...preludesOf(format)], shipped));
  // A module may compute the name.
  const all = migrations.some(({ up }) => up.kind === 'module');
  const wanted = all ? [...shipped.keys()] : [...names];
  const modules = wanted.flatMap((name) => shipped.get(name) ?? []);
  return { modules: [...new Set(modules)], standIns: platform?.standIns ?? {} };
}

/**
 * Returns the extensions with which an embedded target must be opened: those of the folders of the
 * project. Stand-ins are excluded, because the target needs the real functions.
 */
export function extensionsOfProject(wanted: FolderRequest): EmbeddedExtensions {
  const shipped = shippedExtensions();
  const texts = openFolders(wanted).flatMap(({ migrations }) => migrations.map(upSourceOf));
  const names = namesIn(texts, shipped).filter((name) => !preloaded.has(name));
  const modules = names.flatMap((name) => shipped.get(name) ?? []);
  return { modules: [...new Set(modules)], standIns: {} };
}

/** A folder that cannot be read is reported by the commands that need it. */
function openFolders(wanted: FolderRequest): Folder[] {
  try {
    return findFolders(wanted).map((candidate) => openFolder(candidate, wanted.trackingTable));
  } catch (error) {
    if (error instanceof DbopsError || fileError(error)) return [];
    throw error;
  }
}

function textsOf(migrations: readonly Migration[]): string[] {
  return migrations.flatMap(({ up }) => (up.kind === 'sql' ? [up.sql] : []));
}

function namesIn(texts: readonly string[], known: ReadonlyMap<string, string>): string[] {
  const anyName = new RegExp(`\\b(?:${[...known.keys()].join('|')})\\b`, 'gi');
  return texts
    .filter((text) => /\bextension\b/i.test(text))
    .flatMap((text) => [...text.matchAll(anyName)].map(([name]) => name.toLowerCase()))
    .flatMap((name) => [name, ...(requires[name] ?? [])]);
}
