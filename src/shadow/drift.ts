import type { Session } from '../db/session.ts';
import { comparableOf, expectedOf } from '../catalog/scope.ts';
import { repairsOf } from './drift-repair.ts';
import { definitionsOf } from '../catalog/definitions.ts';
import { differencesOf, type Difference } from '../catalog/differences.ts';
import { withExpected } from './expected-catalog.ts';
import { originsOf } from './blame.ts';
import { dropsRows } from './held-rows.ts';
import { surroundingsOf } from './surroundings.ts';
import type { Wanted } from './replay-cache-key.ts';
import { fullSnapshot, keyOfObject, readWithFixedSettings } from '../catalog/snapshot.ts';

/** A difference between the live database and what its migrations create, with its origin. */
export type Drift = Difference & {
  /** The migration that created the object or last changed the differing property. */
  migration?: string;
  /** DDL as the server writes it; absent where it writes none for this kind of object. */
  definitions: { expected?: string; live?: string };
  /** SQL that corrects the difference; empty where no plan was found. */
  repair: string[];
  /** Whether that SQL drops a table or a column that holds rows. */
  dropsRows: boolean;
};

/**
 * Compares the live catalog with what the migrations create. The live catalog is read while the
 * shadow replays.
 * @param toolTables excluded: some tools keep their records among the tables of the application
 */
export async function driftOf(
  session: Session,
  wanted: Wanted,
  toolTables: readonly string[],
): Promise<Drift[]> {
  const reading = readWithFixedSettings(session, async () => {
    const all = await fullSnapshot(session, { grants: wanted.grants ?? false });
    const of = { format: wanted.format, tracking: { tables: toolTables } };
    const context = { objects: all, scope: wanted.scope };
    return { all, around: await surroundingsOf(session, of, context) };
  });
  reading.catch(() => {}); // the error of the replay is reported first
  const differences = await withExpected(wanted, async ({ objects, given, judge }) => {
    const { all, around } = await reading;
    const surroundings = { ...around, given: new Set(given.map(keyOfObject)) };
    const expected = expectedOf(objects, surroundings);
    return differencesOf(expected, comparableOf(all, expected, surroundings), judge);
  });
  return differences.length > 0 ? explain(session, wanted, differences) : [];
}

async function explain(
  session: Session,
  wanted: Wanted,
  differences: readonly Difference[],
): Promise<Drift[]> {
  const made = differences.filter(({ change }) => change !== 'extra');
  const there = differences.filter(({ change }) => change !== 'missing');
  const live = readWithFixedSettings(session, () =>
    definitionsOf(
      session,
      there.map(({ object }) => object),
    ),
  );
  const [origins, definitions] = await Promise.all([originsOf(wanted, made), live]);
  const repairs = await repairsOf(session, wanted, differences);
  const losses: boolean[] = [];
  for (const [at, difference] of differences.entries())
    losses.push(await dropsRows(session, difference, repairs[at] ?? []));
  return differences.map((difference, at): Drift => {
    const { migration, definition: expected } = origins[made.indexOf(difference)] ?? {};
    const definition = definitions[there.indexOf(difference)];
    return {
      ...difference,
      repair: repairs[at] ?? [],
      dropsRows: losses[at] ?? true,
      ...(migration !== undefined && { migration }),
      definitions: {
        ...(expected !== undefined && { expected }),
        ...(definition !== undefined && { live: definition }),
      },
    };
  });
}
