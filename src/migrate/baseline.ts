import { comparableOf, expectedOf, type Surroundings } from '../catalog/application.ts';
import { differencesOf, type Difference } from '../catalog/differences.ts';
import { fullSnapshot, inScratchTransaction, keyOfObject } from '../catalog/full-snapshot.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { Probes } from '../catalog/probes.ts';
import { replay } from '../catalog/replay.ts';
import { transaction, type Session } from '../db/session.ts';
import type { Folder, Format, TrackingRow } from '../formats/format.ts';
import type { Migration } from '../migration.ts';

/** So many migrations of the folder, and what the live database has otherwise than they make. */
export interface Prefix {
  length: number;
  differences: Difference[];
}

export interface Proof {
  /** The longest that is exact, or else the nearest of those that were compared. */
  best: Prefix;
  /** The shortest that is exact too: what lies between the two left no trace in the catalog. */
  firstExact?: number;
}

interface Question {
  shadow: Session;
  /** The whole catalog of the database. */
  live: readonly SchemaObject[];
  surroundings: Surroundings;
  migrations: readonly Migration[];
  format: Format;
  /** Compare all migrations only, instead of looking for the longest prefix. */
  wholeOnly: boolean;
  onReplay: (migration: Migration, at: number) => void;
}

/**
 * Replays migrations one by one and compares what they make with the live catalog.
 *
 * A complete comparison after each file would cost the square of their number. Each comparison
 * that fails gives a probe, an object that told the two apart, and a file is compared completely
 * only when it passes all probes: some ten times for a thousand files.
 *
 * @throws DbopsError naming the migration that does not replay
 */
export async function findPrefix(question: Question): Promise<Proof> {
  const { shadow, live, migrations, wholeOnly, onReplay } = question;
  const { format, surroundings } = await openReplay(question);
  const probes = new Probes(live);
  const exact: number[] = [];
  let best: Prefix = { length: 0, differences: [] };
  for (const [at, migration] of migrations.entries()) {
    onReplay(migration, at);
    await replay(shadow, [migration], format);
    const length = at + 1;
    const isLast = length === migrations.length;
    if (!isLast && (wholeOnly || !(await probes.pass(shadow)))) continue;
    const differences = await compareAll(shadow, live, surroundings);
    if (differences.length === 0) exact.push(length);
    else probes.learn(differences);
    if (best.length === 0 || differences.length <= best.differences.length)
      best = { length, differences };
  }
  const [firstExact] = exact;
  return firstExact === undefined ? { best } : { best, firstExact };
}

/** Makes the shadow what a new database of the platform is; the migrations then come one by one. */
async function openReplay({ shadow, format, surroundings }: Question) {
  const { platform } = format;
  if (!platform) return { format, surroundings };
  await replay(shadow, [], format);
  const objects = await inScratchTransaction(shadow, () => fullSnapshot(shadow));
  return {
    format: { ...format, platform: { ...platform, prelude: '' } },
    surroundings: { ...surroundings, given: new Set(objects.map(keyOfObject)) },
  };
}

function compareAll(
  shadow: Session,
  live: readonly SchemaObject[],
  surroundings: Surroundings,
): Promise<Difference[]> {
  return inScratchTransaction(shadow, async () => {
    const expected = expectedOf(await fullSnapshot(shadow), surroundings);
    return differencesOf(expected, comparableOf(live, expected, surroundings), shadow);
  });
}

/** Writes the tracking rows of migrations that the database is proven to have. All or none. */
export async function recordBaseline(
  session: Session,
  { tracking }: Folder,
  migrations: readonly Migration[],
): Promise<void> {
  await transaction(session, async () => {
    await session.script(tracking.create);
    const { prepare } = tracking;
    const [prepared = {}] = prepare ? await session.query<TrackingRow>(prepare) : [];
    const records = migrations.map((migration) => tracking.record(migration, prepared));
    await session.script(records.join(';\n'));
  });
}
