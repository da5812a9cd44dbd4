import { deltasBetween, type Delta } from '../catalog/deltas.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import type { ObjectIdentity } from '../catalog/snapshot.ts';

/** What each migration of a folder does to the catalog, and what each fact becomes on the way. */
export interface Effects {
  /** By the place of the migration in the folder. */
  deltas: Delta[][];
  /** By fact, for those that some migration touches. */
  timelines: ReadonlyMap<string, readonly TimelineStep[]>;
  /** By fact; absent where no object is on a table. */
  objects?: ReadonlyMap<string, ObjectIdentity>;
}

/** A value of a fact, from a migration on. */
export interface TimelineStep {
  /** Place of the migration in the folder; -1 before all of them. */
  at: number;
  value: string | undefined;
}

/** @param snapshots after each number of migrations, 0 included */
export function effectsOf(snapshots: readonly (readonly SchemaObject[])[]): Effects {
  const deltas = snapshots.slice(1).map((after, at) => deltasBetween(snapshots[at] ?? [], after));
  const objects = new Map(deltas.flat().map(({ fact, object }) => [fact, object]));
  return { deltas, timelines: timelinesOf(deltas), objects };
}

export function timelinesOf(deltas: readonly (readonly Delta[])[]): Effects['timelines'] {
  const timelines = new Map<string, TimelineStep[]>();
  for (const [at, ofMigration] of deltas.entries())
    for (const { fact, before, after } of ofMigration) {
      const steps = timelines.get(fact) ?? [{ at: -1, value: before }];
      steps.push({ at, value: after });
      timelines.set(fact, steps);
    }
  return timelines;
}
