import type { EnvironmentLabel } from '../db/meta.ts';
import { usageError } from '../errors.ts';
import { valueOf } from './cells.ts';
import type { CodeSet } from './code.ts';
import type { ParsedSeeds, RowsSet, ScaleSet } from './definition.ts';
import { resolveSets, tableOf, type SeedSet } from './resolve.ts';

/** A declared set that can run. */
export type PreparedSet =
  | { kind: 'rows'; name: string; set: SeedSet; environments: readonly string[] }
  | { kind: 'code'; name: string; set: CodeSet; environments: readonly string[] }
  | { kind: 'scale'; name: string; set: ScaleSet; environments: readonly string[] };

/** Reference data: these sets are also seeded into production. */
const everywhere = '*';
const usual = ['development', 'test', 'staging'];

/**
 * Reads the sets without a database: references are resolved, files and modules are read.
 *
 * @returns sets of rows in the order of their references, then those of generated rows; files and modules keep
 *   their place
 * @throws usage error
 */
export async function prepareSets(
  seeds: ParsedSeeds,
  { root, now }: { root: string; now: Date },
): Promise<PreparedSet[]> {
  const rowsSets: Record<string, RowsSet> = {};
  for (const [name, set] of Object.entries(seeds)) if ('rows' in set) rowsSets[name] = set;
  const resolved = resolveSets(rowsSets, now);
  const next = resolved.values();
  const prepared: PreparedSet[] = [];
  const scales: PreparedSet[] = [];
  for (const [name, set] of Object.entries(seeds)) {
    const environments = set.environments ?? usual;
    if ('rows' in set) {
      const { value } = next.next();
      if (value) prepared.push({ ...rowsPart(value, seeds), kind: 'rows' });
    } else if ('scale' in set) {
      tableOf(set.table, `seeds.${name}`);
      scales.push({ kind: 'scale', name, set, environments });
    } else {
      const { readCode } = await import('./code.ts');
      prepared.push({ kind: 'code', name, set: await readCode(name, set, root), environments });
    }
  }
  return [...prepared, ...inOrder(scales)];
}

function rowsPart(set: SeedSet, seeds: ParsedSeeds) {
  return { name: set.name, set, environments: seeds[set.name]?.environments ?? usual };
}

/** Sets of generated rows after those that they refer to. @throws usage error for a circle */
function inOrder(scales: readonly PreparedSet[]): PreparedSet[] {
  const ordered = new Set<PreparedSet>();
  const visit = (set: PreparedSet, path: readonly string[]) => {
    if (ordered.has(set)) return;
    if (path.includes(set.name))
      throw usageError(
        'SEED.CIRCLE',
        `Seed sets refer to each other in a circle: ${[...path, set.name].join(' → ')}.`,
        'Remove one of the references.',
      );
    for (const name of neededBy(set)) {
      const needed = scales.find((each) => each.name === name);
      if (needed) visit(needed, [...path, set.name]);
    }
    ordered.add(set);
  };
  for (const set of scales) visit(set, []);
  return [...ordered];
}

/** The names of the sets that a set refers to. */
function neededBy(prepared: PreparedSet): Set<string> {
  if (prepared.kind === 'code') return new Set();
  const names =
    prepared.kind === 'rows'
      ? prepared.set.rows.flatMap(({ values }) =>
          [...values.values()].flatMap((value) => (value.kind === 'row' ? [value.set] : [])),
        )
      : Object.values(prepared.set.columns).flatMap((cell) => {
          const value = valueOf(cell);
          return value.kind === 'ref' ? [value.set] : [];
        });
  return new Set(names);
}

export interface Chosen {
  sets: PreparedSet[];
  /** Sets of other environments. */
  skipped: string[];
}

/**
 * Returns the named sets and those that they refer to, as far as they are of the environment of the database;
 * without names, all of that environment.
 *
 * @throws usage error for an unknown name, a set of another environment, or where none is left
 */
export function chooseSets(
  sets: readonly PreparedSet[],
  only: readonly string[],
  label: EnvironmentLabel,
): Chosen {
  const wanted = only.length > 0 ? withNeeded(sets, only) : sets;
  const chosen = wanted.filter((set) => isFor(set, label));
  const skipped = wanted.filter((set) => !isFor(set, label)).map(({ name }) => name);
  const place = placeOf(label);
  const refused = [...new Set([...only, ...chosen.flatMap((set) => [...neededBy(set)])])];
  const missing = refused.find((name) => skipped.includes(name));
  if (missing !== undefined || chosen.length === 0)
    throw usageError(
      'SEED.ENVIRONMENT',
      missing === undefined
        ? `No seed set is declared for ${place}.`
        : `seeds.${missing} is not declared for ${place}.`,
      "Add the environment to the set's environments ('*' for reference data, which production also needs), or change the label: dbops env set development",
    );
  return { sets: chosen, skipped };
}

function placeOf({ name, isProtected }: EnvironmentLabel): string {
  return `an environment labelled ${name ?? 'development'}${isProtected ? ' and protected' : ''}`;
}

/** Only reference data is for a protected database; an unlabelled one is a development database. */
function isFor({ environments }: PreparedSet, { name, isProtected }: EnvironmentLabel): boolean {
  if (environments.includes(everywhere)) return true;
  return !isProtected && name !== 'production' && environments.includes(name ?? 'development');
}

function withNeeded(sets: readonly PreparedSet[], names: readonly string[]): PreparedSet[] {
  const selected = new Set<string>();
  const select = (name: string) => {
    if (selected.has(name)) return;
    selected.add(name);
    const found = sets.find((set) => set.name === name);
    if (!found) throw unknown(name, sets);
    neededBy(found).forEach(select);
  };
  names.forEach(select);
  return sets.filter(({ name }) => selected.has(name));
}

function unknown(name: string, sets: readonly PreparedSet[]) {
  const known = sets.map((set) => set.name).join(', ');
  return usageError('SEED.UNKNOWN', `Unknown seed set: ${name}.`, `Seed sets: ${known}`);
}
