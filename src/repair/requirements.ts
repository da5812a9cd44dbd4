import { existenceOf, type Delta } from '../catalog/deltas.ts';
import type { TimelineStep } from './effects.ts';
import type { World } from './world.ts';

/** Kinds that a statement drops only by name, never silently with a column or a table of another name. */
const droppedByName = new Set(['table', 'column', 'view', 'type', 'function']);

/** What a migration creates and drops, and whether that drops more than it names. */
interface Reach {
  /** Objects that it creates or drops. */
  own: ReadonlySet<string>;
  /** It drops an object, or changes a table, that may take indexes, constraints and triggers along. */
  takesAlong: boolean;
  /** It creates, drops or renames what the type or the default of a column may name. */
  respells: boolean;
}

/** Their names are in the types and defaults of columns, which a rename changes without naming the column. */
const namedInColumns = new Set(['table', 'type', 'domain', 'sequence', 'function']);

function reachOf(deltas: readonly Delta[]): Reach {
  return {
    own: new Set(deltas.filter(({ word }) => word === '').map(({ fact }) => fact)),
    takesAlong: deltas.some(
      ({ word, after, object }) =>
        (word === '' && after === undefined && droppedByName.has(object.kind)) ||
        (word !== '' && object.kind === 'table'),
    ),
    respells: deltas.some(({ word, object }) => word === '' && namedInColumns.has(object.kind)),
  };
}

/**
 * The migrations that created what an applied migration alters or drops, where only one can have:
 * without it the applied one would have failed.
 */
export function requiredBy(world: World, at: number): number[] {
  const deltas = world.effects.deltas[at] ?? [];
  const reach = reachOf(deltas);
  const facts = new Set(deltas.flatMap((delta) => requiredFacts(delta, reach)));
  return [...facts].flatMap((fact) => creatorOf(world, fact, at) ?? []);
}

/**
 * Returns a function that says whether a migration is applied, or everything that it alters or drops by
 * name may have existed when it ran, by migrations that are applied, or that change no rows, are whole,
 * and of which the same is true. Without it the migration would have failed, unless it allows for that.
 */
export function runnability(
  world: World,
  isWhole: (at: number) => boolean,
): (at: number) => boolean {
  const { effects, possible, applied, prior } = world;
  const known = new Map<number, boolean>();
  const hasRun = (at: number) =>
    applied[at] === true ||
    (possible[at] === true && !prior.changesData[at] && isWhole(at) && canHaveRun(at));
  const mayCreate = ({ at, value }: TimelineStep) => value !== undefined && (at < 0 || hasRun(at));
  const canHaveRun = (at: number): boolean => {
    if (applied[at] || !prior.strict?.[at]) return true;
    const found = known.get(at);
    if (found !== undefined) return found;
    const deltas = effects.deltas[at] ?? [];
    const reach = reachOf(deltas);
    const result = deltas
      .flatMap((delta) => requiredFacts(delta, reach))
      .every((fact) =>
        // Of a fact that no migration touches it is not known.
        (effects.timelines.get(fact) ?? [{ at: -1, value: 'there' }])
          .filter((step) => step.at < at)
          .some(mayCreate),
      );
    known.set(at, result);
    return result;
  };
  return canHaveRun;
}

/**
 * The facts of which one change shows that they were there: its table, the column that it alters, and what it
 * drops. An index, a constraint or a trigger may vanish with something else, unless nothing else is dropped.
 */
function requiredFacts({ word, object, fact, before }: Delta, reach: Reach): string[] {
  const { schema, parent } = object;
  if (word !== '') {
    const isAltered = object.kind === 'column' && !reach.respells;
    return isAltered && !reach.own.has(existenceOf(object)) ? [existenceOf(object)] : [];
  }
  const table = { kind: 'table', schema, parent: '', name: parent };
  const isOfOwn = parent !== '' && reach.own.has(existenceOf(table));
  if (isOfOwn) return [];
  const isByName = droppedByName.has(object.kind) || !reach.takesAlong;
  const isDropped = before !== undefined && isByName;
  return [...(isDropped ? [fact] : []), ...(parent === '' ? [] : [existenceOf(table)])];
}

/** The only migration that can have created an object before the one at a place. */
function creatorOf(world: World, fact: string, at: number): number | undefined {
  const steps = (world.effects.timelines.get(fact) ?? []).filter(
    (step) => step.at < at && (step.at < 0 || world.possible[step.at]),
  );
  const last = steps.findLastIndex((step) => step.at < 0 || world.applied[step.at]);
  const creators = steps.slice(Math.max(last, 0)).filter(({ value }) => value !== undefined);
  const [only, another] = creators;
  return only && another === undefined && only.at >= 0 ? only.at : undefined;
}
