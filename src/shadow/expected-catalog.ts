import * as z from 'zod';
import type { Session } from '../db/session.ts';
import { digest, openCache } from './cache.ts';
import { judgeIn, type SpellingDoubt, type Judge } from '../catalog/differences.ts';
import { prefixKeys, withReplayer, type Wanted } from './replay-cache-key.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { preludesOf } from './prelude.ts';
import { replay } from './replay.ts';
import { scratchSnapshot } from './shadow-snapshot.ts';
import { inScratchTransaction } from '../catalog/snapshot.ts';
import { readSnapshots, writeSnapshots } from './snapshot-cache.ts';

/** The catalog that migrations create. */
export interface Expected {
  objects: readonly SchemaObject[];
  /**
   * The objects that the platform and the prelude provide before the first migration.
   */
  given: readonly SchemaObject[];
  judge: Judge;
}

type Snapshots = Map<number, readonly SchemaObject[]>;

/**
 * Returns the complete snapshots after the given numbers of migrations, in the order of `lengths`;
 * equal objects are shared. Snapshots that the cache lacks are taken in one replay.
 * @throws DbopsError naming the migration that does not replay
 */
export async function snapshotsAfter(
  wanted: Wanted,
  lengths: readonly number[],
): Promise<(readonly SchemaObject[])[]> {
  const known = readKnown(wanted, lengths);
  const missing = lengths.filter((length) => !known.has(length));
  const taken =
    missing.length > 0
      ? await withReplayer(wanted, (shadow) => take(shadow, wanted, missing))
      : new Map();
  return lengths.map((length) => known.get(length) ?? taken.get(length) ?? []);
}

/**
 * Runs `work` with what the migrations create. A shadow is opened when the cache lacks an answer.
 */
export async function withExpected<T>(
  wanted: Wanted,
  work: (expected: Expected) => Promise<T>,
): Promise<T> {
  const { migrations, format } = wanted;
  const isGiven = preludesOf(format).length > 0;
  const lengths = [...(isGiven ? [0] : []), migrations.length];
  const known = readKnown(wanted, lengths);
  const expectedFrom = (snapshots: Snapshots, judge: Judge) => ({
    objects: snapshots.get(migrations.length) ?? [],
    given: (isGiven && snapshots.get(0)) || [],
    judge: remembering(wanted, judge),
  });
  if (lengths.every((length) => known.has(length)))
    return work(expectedFrom(known, (doubts) => judgeAgain(wanted, doubts)));
  return withReplayer(wanted, async (shadow) => {
    const taken = await take(shadow, wanted, lengths);
    return work(expectedFrom(taken, (doubts) => judgeNow(shadow, doubts)));
  });
}

function readKnown(wanted: Wanted, lengths: readonly number[]): Snapshots {
  const keys = prefixKeys(wanted);
  const asked = new Map(lengths.map((length) => [keys[length] ?? '', length]));
  const stored = readSnapshots(openCache(wanted.environment), [...asked.keys()]);
  return new Map([...stored].map(([key, objects]) => [asked.get(key) ?? 0, objects]));
}

/** Replays to the last of the lengths, and caches the snapshots on the way. */
async function take(
  shadow: Session,
  wanted: Wanted,
  lengths: readonly number[],
): Promise<Snapshots> {
  const taken: Snapshots = new Map();
  const share = sharing();
  const { grants = false } = wanted;
  const last = Math.max(...lengths);
  await replay(shadow, wanted.migrations.slice(0, last), wanted.format, async (length) => {
    if (!lengths.includes(length)) return;
    taken.set(length, (await scratchSnapshot(shadow, { grants })).map(share));
  });
  const keys = prefixKeys(wanted);
  const byKey = new Map([...taken].map(([length, objects]) => [keys[length] ?? '', objects]));
  writeSnapshots(openCache(wanted.environment), byKey);
  return taken;
}

/** Returns a function that returns the same object for equal objects. */
export function sharing(): (object: SchemaObject) => SchemaObject {
  const seen = new Map<string, SchemaObject>();
  return (object) => {
    const text = JSON.stringify(object);
    const first = seen.get(text) ?? object;
    seen.set(text, first);
    return first;
  };
}

const judged = z.record(z.string(), z.boolean());

/**
 * Compares only pairs that are not cached: a restored database, or another major version, has other
 * texts permanently.
 */
function remembering(wanted: Wanted, ask: Judge): Judge {
  const cache = openCache(wanted.environment);
  const file = digest(['judged', prefixKeys(wanted).at(-1)]);
  return async (doubts) => {
    const keys = doubts.map(({ pair, word }) => digest([pair.expected, pair.live, word]));
    const known = cache.read(file, judged) ?? {};
    const unknown = doubts.filter((_, at) => known[keys[at] ?? ''] === undefined);
    if (unknown.length > 0) {
      const answers = await ask(unknown);
      for (const [at, doubt] of unknown.entries())
        known[keys[doubts.indexOf(doubt)] ?? ''] = answers[at] ?? false;
      cache.write(file, known);
    }
    return keys.map((key) => known[key] ?? false);
  };
}

function judgeNow(shadow: Session, doubts: readonly SpellingDoubt[]): Promise<boolean[]> {
  return inScratchTransaction(shadow, () => judgeIn(shadow)(doubts));
}

function judgeAgain(wanted: Wanted, doubts: readonly SpellingDoubt[]): Promise<boolean[]> {
  return withReplayer(wanted, async (shadow) => {
    await replay(shadow, wanted.migrations, wanted.format);
    return judgeNow(shadow, doubts);
  });
}
