import type { Session } from '../db/session.ts';
import { comparableOf, expectedOf, type Surroundings } from '../catalog/scope.ts';
import { repairsOf } from './drift-repair.ts';
import { definitionsOf } from '../catalog/definitions.ts';
import { differencesOf, type Difference } from '../catalog/differences.ts';
import { withExpected } from './expected-catalog.ts';
import { originsOf } from './blame.ts';
import { platformSchemas } from './platform.ts';
import type { Wanted } from './replay-cache-key.ts';
import { fullSnapshot, keyOfObject, readWithFixedSettings } from '../catalog/snapshot.ts';

/** A difference between the live database and what its migrations make, with where it comes from. */
export type Drift = Difference & {
  /** The migration that made the object, or changed last what is different of it. */
  migration?: string;
  /** DDL as the server writes it; absent where it writes none for this kind of object. */
  definitions: { expected?: string; live?: string };
  /** SQL that restores it as the migrations define it; absent when no plan was found. */
  repair: string[];
};

/**
 * The live catalog against what the migrations make. It is read while the shadow replays: neither
 * waits for the other.
 *
 * @param toolTables left out: some tools keep their records among the tables of the application
 */
export async function driftOf(
  session: Session,
  wanted: Wanted,
  toolTables: readonly string[],
): Promise<Drift[]> {
  const reading = readWithFixedSettings(session, async () => {
    const schemas = await platformSchemas(session, wanted.format);
    return { schemas, all: await fullSnapshot(session, { grants: wanted.grants ?? false }) };
  });
  reading.catch(() => {}); // a replay that fails first is reported
  const differences = await withExpected(wanted, async ({ objects, given, judge }) => {
    const { schemas, all } = await reading;
    const surroundings: Surroundings = {
      toolTables,
      platformSchemas: schemas,
      given: new Set(given.map(keyOfObject)),
    };
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
  return differences.map((difference, at): Drift => {
    const { migration, definition: expected } = origins[made.indexOf(difference)] ?? {};
    const definition = definitions[there.indexOf(difference)];
    return {
      ...difference,
      repair: repairs[at] ?? [],
      ...(migration !== undefined && { migration }),
      definitions: {
        ...(expected !== undefined && { expected }),
        ...(definition !== undefined && { live: definition }),
      },
    };
  });
}
