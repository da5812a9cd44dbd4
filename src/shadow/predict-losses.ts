import * as z from 'zod';
import type { Migration } from '../migration.ts';
import { digest, openCache } from './cache.ts';
import { lossesBetween, lossShape, readStorage, type Loss } from '../catalog/losses.ts';
import { prefixKeys, withReplayer, type Wanted } from './replay-cache-key.ts';
import { replay, replayOne } from './replay.ts';

export interface Foresight extends Omit<Wanted, 'migrations'> {
  /** In the order in which they were run. */
  applied: readonly Migration[];
  /** In the order in which they will be. */
  pending: readonly Migration[];
  /** Those of them that may destroy something. */
  suspects: ReadonlySet<Migration>;
}

/** Raised when the prediction for the same migration changes. */
const generation = 1;

/** By the names of migrations. */
const foreseenShape = z.record(z.string(), z.array(lossShape));

/**
 * What pending migrations destroy, from the cache or seen in a shadow: the applied ones are
 * replayed, and around each suspect the catalog is read.
 *
 * @throws DbopsError naming a migration that does not replay
 */
export async function foreseeLosses(foresight: Foresight): Promise<Map<string, Loss[]>> {
  const { applied, pending, suspects, environment } = foresight;
  const last = pending.findLastIndex((migration) => suspects.has(migration));
  const needed = pending.slice(0, last + 1);
  const wanted = { ...foresight, migrations: [...applied, ...needed] };
  const asked = needed.flatMap((migration) => (suspects.has(migration) ? migration.name : []));
  const cache = openCache(environment);
  const key = digest(['losses', generation, prefixKeys(wanted).at(-1), applied.length, asked]);
  const known = cache.read(key, foreseenShape);
  if (known) return new Map(Object.entries(known));
  return withReplayer(wanted, async (shadow) => {
    await replay(shadow, applied, wanted.format);
    const losses = new Map<string, Loss[]>();
    for (const migration of needed) {
      const before = suspects.has(migration) ? await readStorage(shadow) : undefined;
      await replayOne(shadow, migration, wanted.format);
      if (before) losses.set(migration.name, lossesBetween(before, await readStorage(shadow)));
    }
    cache.write(key, Object.fromEntries(losses));
    return losses;
  });
}
