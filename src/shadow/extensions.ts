import type { EmbeddedExtensions } from '../db/pglite-extensions.ts';
import { shippedExtensions } from '../db/pglite-extensions.ts';
import { DbopsError, fileError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { findFolders, type FolderRequest } from '../formats/detect.ts';
import { openFolder } from '../formats/open-folder.ts';
import type { Migration } from '../migration.ts';
import { readText } from '../text-file.ts';

/** What is loaded at start is written into the settings, and the directory never opens without it. */
const preloaded = new Set(['pg_stat_statements']);

/** Extensions that are made with another: `CASCADE` brings them without naming them. */
const requires: Readonly<Record<string, readonly string[]>> = { earthdistance: ['cube'] };

/**
 * The extensions that an embedded shadow must be opened with to replay these migrations. Where
 * `CREATE EXTENSION` may be hidden (a DO block, a format string), its name is in the text all the
 * same; one too many only costs a little time.
 */
export function extensionsFor(
  migrations: readonly Migration[],
  { platform }: Format,
): EmbeddedExtensions {
  const shipped = shippedExtensions();
  const names = new Set(namesIn([...textsOf(migrations), platform?.prelude ?? ''], shipped));
  // A module may have the name from anywhere.
  const all = migrations.some(({ up }) => up.kind === 'module');
  const wanted = all ? [...shipped.keys()] : [...names];
  const modules = wanted.flatMap((name) => shipped.get(name) ?? []);
  return { modules: [...new Set(modules)], standIns: platform?.standIns ?? {} };
}

/**
 * The extensions that an embedded target must be opened with: those of the folders of the project.
 * No stand-ins: what they lack would be missing in earnest.
 */
export function extensionsOfProject(wanted: FolderRequest): EmbeddedExtensions {
  const shipped = shippedExtensions();
  const texts = openFolders(wanted).flatMap(({ migrations }) => migrations.map(sourceOf));
  const names = namesIn(texts, shipped).filter((name) => !preloaded.has(name));
  const modules = names.flatMap((name) => shipped.get(name) ?? []);
  return { modules: [...new Set(modules)], standIns: {} };
}

/** A folder that can't be read is told of by the commands that need it; others go without. */
function openFolders(wanted: FolderRequest): Folder[] {
  try {
    return findFolders(wanted).map((candidate) => openFolder(candidate, wanted.trackingTable));
  } catch (error) {
    if (error instanceof DbopsError || fileError(error)) return [];
    throw error;
  }
}

function sourceOf({ up, isMissing }: Migration): string {
  if (isMissing) return '';
  return up.kind === 'sql' ? up.sql : readText(up.file);
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
