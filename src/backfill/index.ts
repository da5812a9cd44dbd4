import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import * as z from 'zod';
import type { Context } from '../context.ts';
import { DbopsError, usageError } from '../errors.ts';
import { findFolders } from '../formats/detect.ts';
import { definitionSchema, type Backfill } from './definition.ts';
import { readJson } from '../text-file.ts';

export interface KnownBackfill extends Backfill {
  /** Where it is defined, as shown to people. */
  origin: string;
}

/** What the backfills of a project are read from. */
type Sources = Pick<Context, 'declared' | 'settings'>;

/**
 * Returns every backfill of a project: those of the bundled application where its folder is used, then of
 * `backfills/*.json`, then of the configuration. A later definition replaces an earlier one of the same name.
 *
 * @throws usage error for a file that does not define a backfill
 */
export async function backfillsOf({ declared, settings }: Sources): Promise<KnownBackfill[]> {
  const { backfills: bundled = {} } = await declared();
  const all = [
    ...Object.entries(bundled).map(([name, each]) => ({ ...each, name, origin: 'dbops' })),
    ...foldersOf(settings).flatMap(readDefinitions),
    ...Object.entries(settings.backfills ?? {}).map(([name, each]) => ({
      ...each,
      name,
      origin: 'configuration',
    })),
  ];
  return [...new Map(all.map((each) => [each.name, each])).values()];
}

function foldersOf(settings: Context['settings']): string[] {
  return [...new Set([join(settings.root, 'backfills'), ...besideMigrations(settings)])];
}

/** The folder is beside the migrations: Prisma treats every folder among them as a migration. */
function besideMigrations(settings: Context['settings']): string[] {
  try {
    return findFolders(settings).map(({ directory }) => join(dirname(directory), 'backfills'));
  } catch (error) {
    if (error instanceof DbopsError) return [];
    throw error;
  }
}

function readDefinitions(folder: string): KnownBackfill[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => readDefinition(join(folder, file)));
}

function readDefinition(file: string): KnownBackfill {
  const origin = relative(process.cwd(), file) || file;
  try {
    const parsed = definitionSchema.safeParse(readJson(file));
    if (parsed.success) return { ...parsed.data, name: basename(file, '.json'), origin };
    throw invalid(origin, z.prettifyError(parsed.error).split('\n'));
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(origin, [error.message]);
    throw error;
  }
}

function invalid(file: string, reason: string[]) {
  return usageError(
    'BACKFILL.INVALID',
    `${file} is not a valid backfill definition.`,
    'Fix the lines above; docs/backfill.md shows a definition.',
    reason,
  );
}

/** Returns the name of the backfill that fills a column of a table of this name, if there is one. */
export function backfillOf(
  known: readonly Backfill[],
  table: string,
  column: string,
): string | undefined {
  const unquoted = (name = '') => name.replaceAll('"', '').trim();
  return known.find(({ targets }) =>
    targets.some(
      (target) =>
        unquoted(target.table).split('.').at(-1) === table &&
        unquoted(target.set.split('=')[0]) === column,
    ),
  )?.name;
}

/** @throws usage error for an unknown name */
export async function backfillNamed(context: Sources, name: string): Promise<KnownBackfill> {
  const known = await backfillsOf(context);
  const found = known.find((backfill) => backfill.name === name);
  if (found) return found;
  const files = foldersOf(context.settings).map((folder) => join(folder, `${name}.json`));
  throw usageError(
    'BACKFILL.UNKNOWN',
    `Unknown backfill: ${name}.`,
    known.length > 0
      ? `Backfills: ${known.map((backfill) => backfill.name).join(', ')}`
      : 'Define it in one of these files, or in the configuration as backfills.',
    files.map((file) => `not found: ${relative(process.cwd(), file)}`),
  );
}
