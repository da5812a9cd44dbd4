import { deltasBetween } from '../../catalog/deltas.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import type { Wanted } from '../../shadow/replay-cache-key.ts';
import { snapshotsAfter } from '../../shadow/expected-catalog.ts';
import { statesOf } from '../../shadow/catalog-history.ts';
import { objectName } from '../../catalog/snapshot.ts';
import { DbopsError } from '../../errors.ts';
import type { Migration } from '../../migration.ts';
import type { Diagnosis } from '../diagnose.ts';
import type { PartialStatement } from './statements.ts';

/** How a file that is in the database in part is brought to its end, or to nothing. */
export interface Way {
  /** In order. */
  statements: string[];
  /** No transaction may hold one of them. */
  standsAlone: boolean;
  /** Why it may not be gone; empty when a shadow has proven it. */
  doubts: string[];
}

/**
 * The statements that are missing, in order, with the proof: a shadow that was brought to the
 * half-run state has, after them, the catalog that the whole file gives.
 */
export async function planFinish(
  wanted: Wanted,
  diagnosis: Diagnosis,
  at: number,
  steps: readonly PartialStatement[],
): Promise<Way> {
  const missing = steps.filter(({ state }) => state === 'missing');
  const way = {
    statements: missing.map(({ sql }) => sql),
    standsAlone: missing.some(({ standsAlone }) => standsAlone),
  };
  const doubts = steps.flatMap(doubtOf);
  if (missing.length === 0 && doubts.length === 0) doubts.push('no statement of it is missing');
  if (doubts.length > 0) return { ...way, doubts };
  const { before, after } = surroundingsOf(wanted, diagnosis, at);
  const migration = wanted.migrations[at];
  const done = steps.filter(({ state }) => state === 'in').map((step) => step.migration);
  const rest = missing.map((step) => step.migration);
  try {
    const whole = await catalogAfter(wanted, diagnosis, [
      ...before,
      ...(migration ? [migration] : []),
      ...after,
    ]);
    const mended = await catalogAfter(wanted, diagnosis, [...before, ...done, ...after, ...rest]);
    return { ...way, doubts: differencesBetween(whole, mended) };
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return { ...way, doubts: [error.message, ...error.reason] };
  }
}

function doubtOf({ state, place, sql, hasValues }: PartialStatement): string[] {
  const [head = ''] = sql.split('\n');
  if (state === 'missing' && hasValues)
    return [`${place} needs values that only the module has: ${head}`];
  if (state === 'otherwise') return [`${place} created an object that now differs: ${head}`];
  if (state === 'not known') return [`${place} leaves no trace and may have run: ${head}`];
  return [];
}

/** The migrations that are in the database beside one, before and after it. */
export function surroundingsOf(
  { migrations }: Wanted,
  { solution, judgements }: Diagnosis,
  at: number,
): { before: Migration[]; after: Migration[] } {
  const isThere = (_: Migration, place: number) =>
    solution.applied[place] === true || judgements[place]?.row !== undefined;
  const present = migrations.map((each, place) => isThere(each, place) && each);
  const among = (from: number, to?: number) =>
    present.slice(from, to).flatMap((each) => each || []);
  return { before: among(0, at), after: among(at + 1) };
}

async function catalogAfter(
  wanted: Wanted,
  { states }: Diagnosis,
  migrations: Migration[],
): Promise<readonly SchemaObject[]> {
  const asked = { ...wanted, migrations };
  if (states.skipped.length > 0) return (await statesOf(asked)).snapshots.at(-1) ?? [];
  const [after = []] = await snapshotsAfter(asked, [migrations.length]);
  return after;
}

/** Names of the objects in which two catalogs differ, a line each. */
export function differencesBetween(
  one: readonly SchemaObject[],
  other: readonly SchemaObject[],
): string[] {
  const objects = deltasBetween(one, other).map(
    ({ object }) => `${object.kind} ${objectName(object)} would not be the same`,
  );
  return [...new Set(objects)];
}
