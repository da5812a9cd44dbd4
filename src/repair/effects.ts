import { deltasBetween, type Delta, type CatalogFacts } from '../catalog/deltas.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';

/** What each migration of a folder does to the catalog, and what each fact becomes on the way. */
export interface Effects {
  /** By the place of the migration in the folder. */
  deltas: Delta[][];
  /** By fact, for those that some migration touches. */
  timelines: ReadonlyMap<string, readonly Step[]>;
}

/** A value of a fact, from a migration on. */
export interface Step {
  /** Place of the migration in the folder; -1 before all of them. */
  at: number;
  value: string | undefined;
}

/** @param snapshots after each number of migrations, 0 included */
export function effectsOf(snapshots: readonly (readonly SchemaObject[])[]): Effects {
  const deltas = snapshots.slice(1).map((after, at) => deltasBetween(snapshots[at] ?? [], after));
  return { deltas, timelines: timelinesOf(deltas) };
}

export function timelinesOf(deltas: readonly (readonly Delta[])[]): Effects['timelines'] {
  const timelines = new Map<string, Step[]>();
  for (const [at, ofMigration] of deltas.entries())
    for (const { fact, before, after } of ofMigration) {
      const steps = timelines.get(fact) ?? [{ at: -1, value: before }];
      steps.push({ at, value: after });
      timelines.set(fact, steps);
    }
  return timelines;
}

/**
 * How a change of a migration shows in the live catalog: it is there; a later migration that was
 * applied has changed it again; it is not there; or what is there comes from no migration.
 */
export type Showing = 'in' | 'overwritten' | 'out' | 'different';

/** Which migrations were applied, as far as the catalog tells. */
export interface Solution {
  /** By the place of the migration: what is there can't be explained without it. */
  applied: boolean[];
  /** By the place of the migration, in the order of its deltas. */
  showings: Showing[][];
}

/** What is known of migrations beside the catalog, by their places. */
export interface Prior {
  /** The tracking table says that they are applied. */
  recorded: readonly boolean[];
  /** They may change rows, which no catalog shows. */
  changesData: readonly boolean[];
}

/**
 * Looks for the migrations whose effects give the live catalog.
 *
 * A fact has the value that the last applied migration which touches it gave it. So a live value
 * that only one migration gives proves that migration, and rules out all later ones that touch the
 * fact. Where several would give it (a table that is made and dropped again is as if it had never
 * been), those that are known already decide; then the folder's order: what comes before a proven
 * migration and contradicts nothing was run before it. Facts with a value that no migration gives
 * are drift and prove nothing.
 */
export function solve(effects: Effects, live: CatalogFacts, prior: Prior): Solution {
  const applied = effects.deltas.map(() => false);
  const open = markUnique(effects, live, applied);
  const isOpen = (at: number) => !isContradicted(effects, live, applied, at);
  while (markFollowing(open, applied, prior.recorded, isOpen));
  const last = applied.lastIndexOf(true);
  for (let at = last - 1; at >= 0; at--)
    if (!applied[at] && !prior.changesData[at] && fits(effects, live, applied, at))
      applied[at] = true;
  return {
    applied,
    showings: effects.deltas.map((_, at) => showingsAt(effects, live, applied, at)),
  };
}

/** A fact whose live value has several explanations. */
interface Open {
  steps: readonly Step[];
  /** Places of the migrations that give the value, -1 for what was there before all. */
  candidates: number[];
}

function markUnique({ timelines }: Effects, live: CatalogFacts, applied: boolean[]): Open[] {
  const open: Open[] = [];
  for (const [fact, steps] of timelines) {
    const value = live(fact);
    const candidates = steps.filter((step) => step.value === value).map(({ at }) => at);
    const [only, another] = candidates;
    if (only === undefined) continue;
    if (another !== undefined) open.push({ steps, candidates });
    else if (only >= 0) applied[only] = true;
  }
  return open;
}

/** @returns whether one more migration is known to be applied */
function markFollowing(
  open: readonly Open[],
  applied: boolean[],
  recorded: readonly boolean[],
  isOpen: (at: number) => boolean,
): boolean {
  let isNew = false;
  for (const { steps, candidates } of open) {
    const isKnown = ({ at }: Step) => at < 0 || applied[at] || recorded[at];
    const last = steps.findLast(isKnown)?.at ?? -1;
    if (candidates.includes(last)) continue;
    const [only, another] = candidates.filter((at) => at > last);
    if (only === undefined || another !== undefined || applied[only] || !isOpen(only)) continue;
    applied[only] = true;
    isNew = true;
  }
  return isNew;
}

/** What somebody dropped by hand is not the work of a migration of which nothing else is there. */
function isContradicted(...asked: Parameters<typeof showingsAt>): boolean {
  return showingsAt(...asked).includes('out');
}

/** Whether nothing in the catalog speaks against a migration that something speaks for. */
function fits(...asked: Parameters<typeof showingsAt>): boolean {
  const showings = showingsAt(...asked);
  const speaksFor = (showing: Showing) => showing === 'in' || showing === 'overwritten';
  return showings.length > 0 && showings.every(speaksFor);
}

/** How each change of the migration at a place shows. */
function showingsAt(
  { deltas, timelines }: Effects,
  live: CatalogFacts,
  applied: readonly boolean[],
  at: number,
): Showing[] {
  return (deltas[at] ?? []).map(({ fact, after }) =>
    showingOf(timelines.get(fact) ?? [], live(fact), applied, { at, value: after }),
  );
}

function showingOf(
  steps: readonly Step[],
  live: string | undefined,
  applied: readonly boolean[],
  { at, value }: Step,
): Showing {
  const source = steps.findLast((step) => step.value === live && (step.at < 0 || applied[step.at]));
  if (source === undefined) {
    if (live === value) return 'in';
    return steps.some((step) => step.at > at && applied[step.at]) ? 'overwritten' : 'different';
  }
  if (source.at > at) return 'overwritten';
  return live === value ? 'in' : 'out';
}
