import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { shellWord } from '../output/shell.ts';
import { usageError, type DbopsError } from '../errors.ts';
import { dbmate } from './dbmate/index.ts';
import { dbops } from './dbops/index.ts';
import { drizzle } from './drizzle/index.ts';
import type { Folder, Format, Tracking } from './format.ts';
import { graphileMigrate } from './graphile-migrate/index.ts';
import { knex } from './knex/index.ts';
import { kysely } from './kysely/index.ts';
import { nodePgMigrate } from './node-pg-migrate/index.ts';
import { prisma } from './prisma/index.ts';
import { supabase } from './supabase/index.ts';
import { textOf, type TableName } from './shared/tracking-table.ts';

/** Every format, the most particular first: the first that matches a directory has it. */
export const formats: Format[] = [
  drizzle,
  prisma,
  graphileMigrate,
  supabase,
  dbmate,
  nodePgMigrate,
  knex,
  kysely,
  dbops,
];

export interface Wanted {
  /** The folder that was asked for. */
  migrations?: string;
  format?: string;
  trackingTable?: TableName;
  /** Where to look when none was. */
  root: string;
}

/** A directory that a format knows. */
export interface Candidate {
  directory: string;
  /** Names of its entries. */
  names: string[];
  format: Format;
}

/**
 * Finds and reads the folder of migrations.
 *
 * @throws usage error when there is none, when it is empty, when no format knows its files, or
 *   when there are several
 */
export function readFolder(wanted: Wanted): Folder {
  const candidates = findFolders(wanted);
  const [only, another] = candidates;
  if (!only || another) throw severalFolders(candidates, wanted.root);
  return openFolder(only, wanted.trackingTable);
}

/**
 * The folders of migrations: the one that was asked for, or the usual one, or else all that are
 * found below (a monorepo may have several).
 *
 * @returns at least one
 * @throws usage error as `readFolder` does, but for several
 */
export function findFolders({ migrations, format, root }: Wanted): Candidate[] {
  const asked = format === undefined ? undefined : formatNamed(format);
  const usual = migrations ?? join(root, 'migrations');
  const here = listDirectory(usual);
  const known = here && candidateAt(usual, here, asked);
  if (known) return [known];
  if (migrations && !here) throw missingFolder(migrations);
  const below = searchBelow(migrations ?? root, asked);
  if (below.length > 0) return below;
  if (here && (asked || isBare(here)))
    return [{ directory: usual, names: here, format: asked ?? dbops }];
  throw here ? unknownFiles(usual) : missingFolder(usual);
}

/** As the folder of a project that is about to begin: with a `.gitkeep`, or a README. */
function isBare(names: readonly string[]): boolean {
  return names.every((name) => name.startsWith('.') || name.endsWith('.md'));
}

/** Where the first migration of a project goes. */
export function firstFolder({ migrations, format, root }: Wanted): Candidate {
  return {
    directory: migrations ?? join(root, 'migrations'),
    names: [],
    format: format === undefined ? dbops : formatNamed(format),
  };
}

/** @throws usage error when it holds no migrations, or its tool can't have that tracking table */
export function openFolder(
  { directory, names, format }: Candidate,
  trackingTable?: TableName,
): Folder {
  const contents = format.read(directory, names, trackingTable);
  if (trackingTable) refuseOtherTable(format, contents.tracking, trackingTable);
  const { loadModule, ...folder } = contents;
  if (folder.migrations.length > 0)
    return { format: loadModule ? { ...format, loadModule } : format, directory, ...folder };
  throw usageError(
    'FOLDER.EMPTY',
    `${directory} holds no migrations of format ${format.name}.`,
    'Name another folder with --migrations DIR, or start here: dbops migrate new NAME',
    contents.findings.map(({ message }) => message),
  );
}

/** A tool that knows one table only has not taken the name that it was given. */
function refuseOtherTable({ name }: Format, { tables, table }: Tracking, wanted: TableName): void {
  const [own = ''] = tables;
  const isOwn =
    wanted.schema === undefined
      ? own.endsWith(`.${wanted.table}`)
      : own === `${wanted.schema}.${wanted.table}`;
  if (isOwn) return;
  throw usageError(
    'TRACKING.FIXED',
    `Migrations of ${name} can not be tracked in ${textOf(wanted)}: this tool keeps its rows in ${table}.`,
    'Leave out --tracking-table, or name the format that the table belongs to with --format.',
  );
}

/** The question which of several folders is meant, as an error. */
export function severalFolders(candidates: readonly Candidate[], root: string): DbopsError {
  const lines = candidates.map(
    ({ directory, format }) => `${relative(root, directory) || '.'}  (${format.name})`,
  );
  return usageError(
    'FOLDER.SEVERAL',
    `There are ${candidates.length} folders of migrations.`,
    `Say which one, for example: --migrations ${shellWord(relative(root, candidates[0]?.directory ?? '') || '.')}`,
    lines,
  );
}

const notSearched =
  /^(?:\..*|node_modules|dist|build|out|vendor|target|coverage|tests?|__tests__|e2e|fixtures)$/;
const deepest = 6;

/** Breadth first, so that the nearest come first; what is inside a found folder belongs to it. */
function searchBelow(top: string, asked: Format | undefined): Candidate[] {
  const found: Candidate[] = [];
  let level = [top];
  for (let depth = 0; depth <= deepest && level.length > 0; depth++) {
    const next: string[] = [];
    for (const directory of level) {
      const names = listDirectory(directory) ?? [];
      const candidate = candidateAt(directory, names, asked);
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
  asked: Format | undefined,
): Candidate | undefined {
  const format = asked
    ? asked.matches(directory, names) && asked
    : formats.find((each) => each.matches(directory, names));
  return format ? { directory, names, format } : undefined;
}

/** The names in a directory; nothing when it is none. */
export function listDirectory(directory: string): string[] | undefined {
  return existsSync(directory) && statSync(directory).isDirectory()
    ? readdirSync(directory)
    : undefined;
}

function formatNamed(name: string): Format {
  const found = formats.find((format) => format.name === name);
  if (found) return found;
  throw usageError(
    'FORMAT.UNKNOWN',
    `There is no format ${name}.`,
    `Known formats: ${formatNames()}`,
  );
}

function missingFolder(directory: string): DbopsError {
  return usageError(
    'FOLDER.MISSING',
    `There is no folder ${directory}.`,
    'Name it with --migrations DIR, or start one: dbops migrate new NAME',
  );
}

function unknownFiles(directory: string): DbopsError {
  return usageError(
    'FORMAT.UNKNOWN',
    `No format that dbops knows matches the files of ${basename(directory)}.`,
    `Name the folder with --migrations DIR, or the format with --format (${formatNames()}).`,
  );
}

function formatNames(): string {
  return formats.map(({ name }) => name).join(', ');
}
