import type { CatalogFacts, Delta } from '../catalog/deltas.ts';
import type { Effects } from './effects.ts';
import { requiredBy, runnability } from './requirements.ts';
import {
  isSeen,
  laterSources,
  showingsAt,
  onlySourceOf,
  wholeness,
  type Prior,
  type Showing,
  type World,
} from './world.ts';

/** Which migrations were applied, as far as the catalog and the tracking table show. */
export interface Solution {
  /** By the place of the migration: recorded and not contradicted, or needed to explain the catalog. */
  applied: boolean[];
  /** By the place of the migration: the applied ones, and those that nothing contradicts. */
  possible: boolean[];
  /** By the place of the migration, in the order of its deltas. */
  showings: Showing[][];
}

/**
 * Finds the migrations whose effects give the live catalog.
 *
 * A fact has the value that the last applied migration which touches it gave it. At first every
 * recorded migration counts as applied and every other one as possible. A migration is contradicted
 * when a fact that it changes has the value from before it, and no migration after it that is
 * applied or possible gives that value; contradicted ones are removed until none is left. Then
 * possible migrations are proven: those that are the only source of a live value, those that an
 * applied one needs, and, in the folder's order, those without changes of rows that the catalog
 * does not contradict and that a later applied one follows.
 *
 * The set of migrations that did run never contradicts itself, so it is never removed from: a
 * migration that ran is `possible` to the end. Where a database has exactly what its recorded
 * migrations gave it, each of their facts shows as `in` or `overwritten`, whatever the folder
 * creates, drops, renames or creates again. CatalogFacts with a value that no migration gives are drift;
 * they neither prove nor contradict a migration.
 */
export function solve(effects: Effects, live: CatalogFacts, prior: Prior): Solution {
  const world: World = {
    effects,
    live,
    prior,
    applied: effects.deltas.map((_, at) => prior.recorded[at] === true),
    possible: effects.deltas.map(() => true),
  };
  while (removeContradicted(world));
  while (addSources(world) || addRequired(world) || addEarlier(world) || allowBegun(world));
  const showings = effects.deltas.map((_, at) => showingsAt(world, at));
  return { applied: world.applied, possible: world.possible, showings };
}

/** Later migrations go first: they are the less likely to have run. @returns whether any was removed */
function removeContradicted(world: World): boolean {
  const { applied, possible, prior } = world;
  let isChanged = false;
  for (let at = possible.length - 1; at >= 0; at--) {
    if (!possible[at] || (prior.begun?.[at] && !applied[at])) continue;
    const showings = showingsAt(world, at);
    if (!showings.includes('out')) continue;
    const isKept = applied[at] ? speaksFor(showings) : isSeen(world, at);
    if (isKept) continue;
    applied[at] = false;
    possible[at] = false;
    isChanged = true;
  }
  return isChanged;
}

/** Where a part of a recorded migration is or may have been there, the rest was dropped or never finished. */
function speaksFor(showings: readonly Showing[]): boolean {
  return showings.some((each) => each === 'in' || each === 'overwritten' || each === 'unclear');
}

/** Adds the only sources of live values. @returns whether any was added */
function addSources(world: World): boolean {
  let isChanged = false;
  for (const fact of world.effects.timelines.keys()) {
    const only = onlySourceOf(world, fact);
    if (only !== undefined) isChanged = add(world, only) || isChanged;
  }
  return isChanged;
}

/** Adds what applied migrations need. @returns whether any was added */
function addRequired(world: World): boolean {
  let isChanged = false;
  for (const [at, isApplied] of world.applied.entries())
    if (isApplied && world.prior.strict?.[at])
      for (const each of requiredBy(world, at)) isChanged = add(world, each) || isChanged;
  return isChanged;
}

/** Adds what the folder's order puts before an applied one. @returns whether any was added */
function addEarlier(world: World): boolean {
  const { applied, possible, prior, effects } = world;
  const isWhole = wholeness(world);
  const canHaveRun = runnability(world, isWhole);
  let isChanged = false;
  for (let at = applied.lastIndexOf(true) - 1; at >= 0; at--) {
    if (applied[at] || !possible[at] || prior.changesData[at]) continue;
    const hasEffects = (effects.deltas[at] ?? []).length > 0;
    if (hasEffects && isWhole(at) && canHaveRun(at)) isChanged = add(world, at) || isChanged;
  }
  return isChanged;
}

/**
 * Allows a migration that was contradicted, where it alone explains what is missing of one that was run
 * whole: it ran in part. No tool continues after a migration that ran in part, so one that is followed by an
 * applied one was run whole, and so was a drop that took along what was on the object.
 * @returns whether any was allowed
 */
function allowBegun(world: World): boolean {
  const { applied, possible, prior, effects, live } = world;
  const last = applied.lastIndexOf(true);
  let isChanged = false;
  for (const [at, deltas] of effects.deltas.entries())
    for (const delta of applied[at] ? deltas : []) {
      const { fact, after } = delta;
      const isFollowed = at < last && !prior.recorded[at];
      if (live(fact) === after || !(isFollowed || isDropSeen(world, at, delta))) continue;
      if (laterSources(world, delta, at).length > 0) continue;
      const [only, another] = (effects.timelines.get(fact) ?? []).filter(
        (step) => step.at > at && !possible[step.at] && step.value === live(fact),
      );
      if (!only || another) continue;
      possible[only.at] = true;
      if (onlySourceOf(world, fact) === only.at) isChanged = true;
      else possible[only.at] = false;
    }
  return isChanged;
}

/** Whether something on a dropped object is missing, which only the drop by this migration explains. */
function isDropSeen(world: World, at: number, { word, object, after }: Delta): boolean {
  if (word !== '' || after !== undefined) return false;
  return (world.effects.deltas[at] ?? []).some((each) => {
    const isOnIt = each.object.schema === object.schema && each.object.parent === object.name;
    const isMissing = each.after === undefined && world.live(each.fact) === undefined;
    return isOnIt && isMissing && onlySourceOf(world, each.fact) === at;
  });
}

function add({ applied }: World, at: number): boolean {
  if (at < 0 || applied[at]) return false;
  applied[at] = true;
  return true;
}
