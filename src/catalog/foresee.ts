import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { extensionsFor } from './extensions.ts';
import { lossesBetween, readStorage, type Loss } from './losses.ts';
import { replay, replayOne } from './replay.ts';
import { withShadow, type ShadowOptions } from './shadow.ts';

export interface Foresight extends ShadowOptions {
  format: Format;
  /** In the order in which they were run. */
  applied: readonly Migration[];
  /** In the order in which they will be. */
  pending: readonly Migration[];
  /** Those of them that may destroy something. */
  suspects: ReadonlySet<Migration>;
}

/**
 * What pending migrations destroy, seen in a shadow: the applied ones are replayed, and around each
 * suspect the catalog is read.
 *
 * @throws DbopsError naming a migration that does not replay
 */
export function foreseeLosses(wanted: Foresight): Promise<Map<string, Loss[]>> {
  const { format, applied, pending, suspects } = wanted;
  const last = pending.findLastIndex((migration) => suspects.has(migration));
  const needed = pending.slice(0, last + 1);
  const extensions = extensionsFor([...applied, ...needed], format);
  return withShadow({ ...wanted, extensions }, async (shadow) => {
    await replay(shadow, applied, format);
    const losses = new Map<string, Loss[]>();
    for (const migration of needed) {
      const before = suspects.has(migration) ? await readStorage(shadow) : undefined;
      await replayOne(shadow, migration, format);
      if (before) losses.set(migration.name, lossesBetween(before, await readStorage(shadow)));
    }
    return losses;
  });
}
