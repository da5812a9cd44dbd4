import { readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { usageError, type DbopsError } from '../errors.ts';
import { shellWord } from '../output/shell.ts';
import { listDirectory } from '../text-file.ts';
import { dbops } from './dbops/index.ts';
import type { Format } from './format.ts';
import { formats } from './index.ts';
import { isPlainSql, unsupportedFolder, unsupportedToolOf } from './unsupported.ts';
import type { TrackingTableName } from './shared/tracking-table.ts';

/** What the flags and the configuration say about the folder of migrations. */
export interface FolderRequest {
  /** The folder; absent to search for it. */
  migrations?: string;
  format?: string;
  trackingTable?: TrackingTableName;
  /** Where a search starts. */
  root: string;
}

/** A directory whose files match a format. */
export interface CandidateFolder {
  directory: string;
  /** Names of its entries. */
  names: string[];
  format: Format;
}

/**
 * Finds the folders of migrations: the requested one, `migrations` below the root, or every folder
 * found by a search (a monorepo may have several).
 *
 * @returns at least one
 * @throws usage error when no folder exists, no format matches its files, or they belong to a tool
 *   that is not supported
 */
export function findFolders({ migrations, format, root }: FolderRequest): CandidateFolder[] {
  const requested = format === undefined ? undefined : formatNamed(format);
  const usual = migrations ?? join(root, 'migrations');
  const here = listDirectory(usual);
  const known = here && candidateAt(usual, here, requested);
  if (here && (!known || known.format === dbops)) assertSupported(usual, here);
  if (known) return [known];
  if (migrations && !here) throw missingFolder(migrations);
  const top = migrations ?? root;
  const below = searchBelow(top, (directory, names) => candidateAt(directory, names, requested));
  const supported = below.filter(
    ({ directory, names, format: found }) =>
      found !== dbops || unsupportedToolOf(directory, names) === undefined,
  );
  if (supported.length > 0) return supported;
  assertNoneUnsupported(top);
  if (here && (requested || isBare(here)))
    return [{ directory: usual, names: here, format: requested ?? dbops }];
  throw here ? unknownFiles(usual) : missingFolder(usual);
}

/** Whether a folder has no files yet, apart from a `.gitkeep` or a README. */
function isBare(names: readonly string[]): boolean {
  return names.every((name) => name.startsWith('.') || name.endsWith('.md'));
}

/** Returns the folder for the first migration of a project. */
export function firstFolder({ migrations, format, root }: FolderRequest): CandidateFolder {
  return {
    directory: migrations ?? join(root, 'migrations'),
    names: [],
    format: format === undefined ? dbops : formatNamed(format),
  };
}

/** Returns the error that lists the folders found and asks for --migrations. */
export function severalFolders(candidates: readonly CandidateFolder[], root: string): DbopsError {
  const lines = candidates.map(
    ({ directory, format }) => `${relative(root, directory) || '.'}  (${format.name})`,
  );
  return usageError(
    'FOLDER.SEVERAL',
    `Found ${candidates.length} folders of migrations.`,
    `Choose one, for example: --migrations ${shellWord(relative(root, candidates[0]?.directory ?? '') || '.')}`,
    lines,
  );
}

const notSearched =
  /^(?:\..*|node_modules|dist|build|out|vendor|target|coverage|tests?|__tests__|e2e|fixtures)$/;
const deepest = 6;

/** Other formats have marks of their own; that of dbops has only the names of its files. */
function assertSupported(directory: string, names: readonly string[]): void {
  const tool = unsupportedToolOf(directory, names);
  if (tool) throw unsupportedFolder(directory, tool);
}

/** Called when no folder was found: opens files only where migrations are usually kept. */
function assertNoneUnsupported(top: string): void {
  const [first] = searchBelow(top, (directory, names) => {
    if (!/migrat|versions|changelog/i.test(basename(directory))) return undefined;
    const tool = unsupportedToolOf(directory, names);
    return tool && { directory, tool };
  });
  if (first) throw unsupportedFolder(first.directory, first.tool);
}

/**
 * Returns what `look` finds in directories: breadth first, so that the nearest come first, and not
 * inside a directory where it finds something.
 */
function searchBelow<T>(
  top: string,
  look: (directory: string, names: string[]) => T | undefined,
): T[] {
  const found: T[] = [];
  let level = [top];
  for (let depth = 0; depth <= deepest && level.length > 0; depth++) {
    const next: string[] = [];
    for (const directory of level) {
      const names = listDirectory(directory) ?? [];
      const candidate = look(directory, names);
      if (candidate) found.push(candidate);
      else next.push(...foldersIn(directory));
    }
    level = next;
  }
  return found;
}

function foldersIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !notSearched.test(entry.name))
    .map(({ name }) => join(directory, name))
    .toSorted();
}

function candidateAt(
  directory: string,
  names: string[],
  requested: Format | undefined,
): CandidateFolder | undefined {
  const format = requested
    ? requested.matches(directory, names) && requested
    : formats.find((each) => each.matches(directory, names));
  return format ? { directory, names, format } : undefined;
}

function formatNamed(name: string): Format {
  const found = formats.find((format) => format.name === name);
  if (found) return found;
  throw usageError('FORMAT.UNKNOWN', `Unknown format: ${name}`, `Use one of: ${formatNames()}`);
}

function missingFolder(directory: string): DbopsError {
  return usageError(
    'FOLDER.MISSING',
    `Migrations folder not found: ${directory}`,
    'Pass --migrations DIR, or create the first migration: dbops migrate new NAME',
  );
}

function unknownFiles(directory: string): DbopsError {
  return usageError(
    'FORMAT.UNKNOWN',
    `The files in ${basename(directory)} match no migration format that dbops supports.`,
    isPlainSql(listDirectory(directory) ?? [])
      ? 'Use the tool that wrote them: numbered .sql files without sections are those of sqlx, refinery and others, which dbops does not support. To move them to dbops, rename them to NNNN_name.up.sql.'
      : `Pass another folder with --migrations DIR. Supported: ${formatNames()}`,
  );
}

function formatNames(): string {
  return formats.map(({ name }) => name).join(', ');
}
