import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import * as z from 'zod';
import { usageError } from '../errors.ts';
import { definitionSchema, type Backfill } from './definition.ts';
import { organizationId } from '../reference/backfills/organization-id.ts';

/** The backfills that come with the program. */
const builtIn: Backfill[] = [organizationId];

export interface KnownBackfill extends Backfill {
  /** Where it is defined, for people. */
  origin: string;
}

export interface Places {
  /** Of the configuration. */
  configured?: Readonly<Record<string, z.infer<typeof definitionSchema>>>;
  /** Folders of `NAME.json`, the last of which wins. */
  folders?: readonly string[];
}

/**
 * Every backfill that a project has: the program's own, then those of its files, then those of its
 * configuration; a later one stands for an earlier one of the same name.
 *
 * @throws usage error for a file that is no definition
 */
export function knownBackfills({ configured = {}, folders = [] }: Places = {}): KnownBackfill[] {
  const known = new Map<string, KnownBackfill>();
  for (const each of builtIn) known.set(each.name, { ...each, origin: 'dbops' });
  for (const folder of folders)
    for (const each of readDefinitions(folder)) known.set(each.name, each);
  for (const [name, definition] of Object.entries(configured))
    known.set(name, { ...definition, name, origin: 'configuration' });
  return [...known.values()];
}

function readDefinitions(folder: string): KnownBackfill[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => readDefinition(join(folder, file)));
}

function readDefinition(file: string): KnownBackfill {
  const origin = relative(process.cwd(), file) || file;
  const name = file.slice(file.lastIndexOf('/') + 1, -'.json'.length);
  try {
    const parsed = definitionSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (parsed.success) return { ...parsed.data, name, origin };
    throw invalid(origin, z.prettifyError(parsed.error).split('\n'));
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(origin, [error.message]);
    throw error;
  }
}

function invalid(file: string, reason: string[]) {
  return usageError(
    'BACKFILL.INVALID',
    `${file} does not define a backfill.`,
    'Correct the lines above; docs/backfill.md shows a definition.',
    reason,
  );
}

/** The backfill that fills a column of the application's schema, if there is one. */
export function backfillOf(
  known: readonly Backfill[],
  table: string,
  column: string,
): string | undefined {
  return known.find(({ targets }) =>
    targets.some((target) => target.table === table && target.set.startsWith(`${column} =`)),
  )?.name;
}

/** @throws usage error for a name that nothing has */
export function backfillNamed(known: readonly KnownBackfill[], name: string): KnownBackfill {
  const found = known.find((backfill) => backfill.name === name);
  if (found) return found;
  throw usageError(
    'BACKFILL.UNKNOWN',
    `There is no backfill ${name}.`,
    `Known backfills: ${known.map((backfill) => backfill.name).join(', ')}`,
  );
}
