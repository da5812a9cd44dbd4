import * as z from 'zod';
import type { Migration } from '../migration.ts';
import { digest, openCache } from './cache.ts';
import { lossesBetween, lossShape, readStorage, type Loss } from '../catalog/losses.ts';
import { prefixKeys, withReplayer, type Wanted } from './replay-cache-key.ts';
import { replay, replayOne } from './replay.ts';

export interface Foresight extends Omit<Wanted, 'migrations'> {
  /** Applied migrations, in the order in which they were run. */
  applied: readonly Migration[];
  /** Pending migrations, in the order in which they will run. */
  pending: readonly Migration[];
  /** Those that may destroy something. */
  suspects: ReadonlySet<Migration>;
}

/** Version of the cached values; incremented when their meaning changes. */
const generation = 1;

/** Losses by the names of migrations. */
const foreseenShape = z.record(z.string(), z.array(lossShape));

/**
 * Returns what pending migrations destroy, from the cache or from a shadow: the applied ones are
 * replayed, and the catalog is read before and after each suspect.
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
