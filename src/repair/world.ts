import type { Delta, CatalogFacts } from '../catalog/deltas.ts';
import type { ObjectIdentity } from '../catalog/snapshot.ts';
import type { Effects, TimelineStep } from './effects.ts';

/**
 * How a change of a migration shows in the live catalog: it is there; a later migration that was or
 * may have been applied explains what is there instead; what preceded it is there; or the value in
 * the catalog comes from no migration.
 */
export type Showing = 'in' | 'overwritten' | 'out' | 'different';

/** Whether a migration may have done to an object what its replay does not show. */
export type FactDoubt = (object: ObjectIdentity) => boolean;

/** Facts about migrations from outside the catalog, by their places in the folder. */
export interface Prior {
  /** The tracking table lists them as applied. */
  recorded: readonly boolean[];
  /** They may change rows, which no catalog shows. */
  changesData: readonly boolean[];
  /** Some of their statements may have run, such as those of a failed one. */
  begun?: readonly boolean[];
  /** They may have had other effects than in the replay, on some objects. */
  doubts?: readonly (FactDoubt | undefined)[];
  /** They fail where an object that they alter or drop does not exist. */
  strict?: readonly boolean[];
  /** A row without a file was written before the migrations from this place on, and may have changed any object. */
  strangersUntil?: number;
  /** Place of their row in the order in which rows were written; absent without a row. */
  turns?: readonly (number | undefined)[];
}

/** The live catalog, and an assumption of which migrations gave it. */
export interface World {
  effects: Effects;
  live: CatalogFacts;
  prior: Prior;
  /** Migrations that ran: recorded ones that the catalog does not contradict, and proven ones. */
  applied: boolean[];
  /** Migrations that ran or may have run: of all that did, none is missing here. */
  possible: boolean[];
}

/** Whether the first of two migrations may have run after the second: by the folder, or by their rows. */
function mayFollow({ prior }: World, one: number, other: number): boolean {
  if (one > other) return true;
  const [turn, otherTurn] = [prior.turns?.[one], prior.turns?.[other]];
  return turn !== undefined && otherTurn !== undefined && one !== other && turn > otherTurn;
}

/** How each change of the migration at a place shows. */
export function showingsAt(world: World, at: number): Showing[] {
  return (world.effects.deltas[at] ?? []).map((delta) => showingOf(world, delta, at));
}

function showingOf(world: World, { fact, object, after }: Delta, at: number): Showing {
  const { effects, live, applied, possible } = world;
  const steps = effects.timelines.get(fact) ?? [];
  const value = live(fact);
  const sources = steps.filter(
    (step) => step.value === value && possible[step.at] && mayFollow(world, step.at, at),
  );
  if (sources.some((step) => applied[step.at])) return 'overwritten';
  if (value === after) return 'in';
  if (sources.length > 0 || isDoubtful(world, object, at)) return 'overwritten';
  return stoodBefore(world, steps, at, value) ? 'out' : 'different';
}

/** Whether the migration itself, or what ran after it, may have left an object in any state. */
function isDoubtful(world: World, object: ObjectIdentity, at: number): boolean {
  const { doubts = [], strangersUntil = 0 } = world.prior;
  if (at < strangersUntil) return true;
  return doubts.some(
    (doubt, place) =>
      doubt !== undefined &&
      world.possible[place] === true &&
      (place === at || mayFollow(world, place, at)) &&
      doubt(object),
  );
}

/** Whether a fact may have had this value when the migration at a place ran. */
function stoodBefore(
  { applied, possible }: World,
  steps: readonly TimelineStep[],
  at: number,
  value: string | undefined,
): boolean {
  const earlier = steps.filter((step) => step.at < at && (step.at < 0 || possible[step.at]));
  const last = earlier.findLastIndex((step) => step.at < 0 || applied[step.at]);
  return earlier.slice(Math.max(last, 0)).some((step) => step.value === value);
}

/**
 * The migrations that may have given a fact its live value, -1 for what was there before all. One
 * that an applied migration has overwritten since is not among them.
 */
export function sourcesOf(world: World, fact: string): number[] {
  const { effects, live, applied, possible } = world;
  const steps = effects.timelines.get(fact) ?? [];
  const value = live(fact);
  const known = steps.filter((step) => step.at >= 0 && applied[step.at]);
  const isOver = ({ at }: TimelineStep) =>
    known.some((each) => mayFollow(world, each.at, at) && !mayFollow(world, at, each.at));
  return steps
    .filter((step) => step.value === value && (step.at < 0 || possible[step.at]) && !isOver(step))
    .map(({ at }) => at);
}

/** Whether some change of a migration is there that nothing else can have made. */
export function isSeen(world: World, at: number): boolean {
  return (world.effects.deltas[at] ?? []).some(({ fact, after }) => {
    if (world.live(fact) !== after) return false;
    const sources = sourcesOf(world, fact);
    return sources.length === 1 && sources[0] === at;
  });
}
