import { existenceOf, type Delta, type CatalogFacts } from '../catalog/deltas.ts';
import type { ObjectIdentity } from '../catalog/snapshot.ts';
import type { Effects, TimelineStep } from './effects.ts';

/**
 * How a change of a migration shows in the live catalog: it is there; a later migration that was or
 * may have been applied explains what is there instead; what preceded it is there; the value in the
 * catalog comes from no migration; or a migration whose replay does not show all of its effects may
 * have left it so, which neither proves nor contradicts anything.
 */
export type Showing = 'in' | 'overwritten' | 'out' | 'different' | 'unclear';

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
  /** A migration whose file no longer exists ran after those before this place, and may have changed any object. */
  strangersUntil?: number;
  /** Kind and name of live objects that no migration creates, on tables that one does; see `isElsewhere`. */
  strays?: ReadonlySet<string>;
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
  /** Migrations that ran or may have run; every migration that ran is among them. */
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

function showingOf(world: World, delta: Delta, at: number): Showing {
  const { fact, after } = delta;
  if (isElsewhere(world, delta)) return 'unclear';
  const sources = laterSources(world, delta, at);
  if (sources.some((source) => world.applied[source])) return 'overwritten';
  const value = world.live(fact);
  if (value === after) return 'in';
  if (sources.length > 0) return 'overwritten';
  if (isDoubtful(world, delta, at)) return 'unclear';
  return stoodBefore(world, world.effects.timelines.get(fact) ?? [], at, value)
    ? 'out'
    : 'different';
}

/** Returns the key of an object among `Prior.strays`. */
export function strayKey({ kind, name }: Pick<ObjectIdentity, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

/**
 * Whether an object that is missing is on another table, where no migration creates it: a table that
 * was renamed took it along, which is no removal.
 */
function isElsewhere({ live, prior }: World, { fact, object }: Pick<Delta, 'fact' | 'object'>) {
  const isStray = object.parent !== '' && prior.strays?.has(strayKey(object)) === true;
  return isStray && live(fact) === undefined;
}

/** The migrations that may have run after the one at a place and given a fact its live value. */
export function laterSources(world: World, { fact }: Delta, at: number): number[] {
  const value = world.live(fact);
  return (world.effects.timelines.get(fact) ?? [])
    .filter((step) => step.value === value && world.possible[step.at])
    .map((step) => step.at)
    .filter((source) => mayFollow(world, source, at));
}

/**
 * Returns a function that says whether all of a migration is in the catalog, or was replaced by
 * later ones of which the same is true. A rename or a rebuilt table carries what is on it to another
 * name: where that is missing, the later migration is not whole, and explains nothing before it.
 */
export function wholeness(world: World): (at: number) => boolean {
  const known = new Map<number, boolean>();
  const isWhole = (at: number): boolean => {
    const found = known.get(at);
    if (found !== undefined) return found;
    known.set(at, false); // rows can contradict the folder's order: a circle explains nothing
    const result = (world.effects.deltas[at] ?? []).every(
      (delta) =>
        !isElsewhere(world, delta) &&
        (world.live(delta.fact) === delta.after || laterSources(world, delta, at).some(isWhole)),
    );
    known.set(at, result);
    return result;
  };
  return isWhole;
}

/**
 * Whether the migration itself, or one that ran after it, may have left an object in any state; or one
 * before it, where the migration changes the object or carries it to another name.
 */
function isDoubtful(world: World, delta: Delta, at: number): boolean {
  const { doubts = [], strangersUntil = 0 } = world.prior;
  if (at < strangersUntil) return true;
  return doubts.some(
    (doubt, place) =>
      doubt !== undefined &&
      world.possible[place] === true &&
      doubt(delta.object) &&
      (place === at || mayFollow(world, place, at) || isCarried(world, delta, at)),
  );
}

function isCarried({ effects }: World, { object, before }: Delta, at: number): boolean {
  if (before !== undefined) return true;
  return (effects.deltas[at] ?? []).some(
    ({ word, after, object: { kind, name } }) =>
      word === '' && after === undefined && kind === object.kind && name === object.name,
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
 * that an applied migration has overwritten since is not among them. The properties of an object that
 * does not exist have no source: a rename changes the expressions of a constraint only where there is one.
 */
function sourcesOf(world: World, fact: string): number[] {
  const { effects, live, applied, possible } = world;
  const object = effects.objects?.get(fact);
  if (object && isElsewhere(world, { fact, object })) return [];
  const existence = object && existenceOf(object);
  if (existence !== undefined && existence !== fact && live(existence) === undefined) return [];
  const steps = effects.timelines.get(fact) ?? [];
  const value = live(fact);
  const known = steps.filter((step) => step.at >= 0 && applied[step.at]);
  const isOver = ({ at }: TimelineStep) =>
    known.some((each) => mayFollow(world, each.at, at) && !mayFollow(world, at, each.at));
  return steps
    .filter((step) => step.value === value && (step.at < 0 || possible[step.at]) && !isOver(step))
    .map(({ at }) => at);
}

/** The only migration that may have given a fact its live value, -1 for none of them. */
export function onlySourceOf(world: World, fact: string): number | undefined {
  const [only, another] = sourcesOf(world, fact);
  return another === undefined ? only : undefined;
}

/** Whether some change of a migration is there that nothing else can have made. */
export function isSeen(world: World, at: number): boolean {
  return (world.effects.deltas[at] ?? []).some(
    ({ fact, after }) => world.live(fact) === after && onlySourceOf(world, fact) === at,
  );
}
