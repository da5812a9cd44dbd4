import * as z from 'zod';
import type { Cache } from './cache.ts';
import { digest } from './cache.ts';
import { objectShape, type SchemaObject } from '../catalog/kinds/kind.ts';

/** Several snapshots in one file, because most objects are in all of them. */
const packShape = z.object({
  objects: z.array(objectShape),
  /** Indexes into `objects`, by the key of the prefix. */
  snapshots: z.record(z.string(), z.array(z.int())),
});

/** Stored under the key of a prefix: the name of the file with its snapshot. */
const pointerShape = z.object({ pack: z.string() });

/** Returns those snapshots that are in the cache, by key; objects of one file are shared. */
export function readSnapshots(
  cache: Cache,
  keys: readonly string[],
): Map<string, readonly SchemaObject[]> {
  const packs = new Set(keys.flatMap((key) => cache.read(key, pointerShape)?.pack ?? []));
  const found = [...packs].flatMap((name) => {
    const { objects, snapshots } = cache.read(name, packShape) ?? { objects: [], snapshots: {} };
    return Object.entries(snapshots).map(([key, places]): [string, SchemaObject[]] => [
      key,
      places.flatMap((place) => objects[place] ?? []),
    ]);
  });
  const all = new Map(found);
  return new Map(keys.flatMap((key) => (all.has(key) ? [[key, all.get(key) ?? []]] : [])));
}

/** @param snapshots by key; equal objects must be shared by reference */
export function writeSnapshots(
  cache: Cache,
  snapshots: ReadonlyMap<string, readonly SchemaObject[]>,
): void {
  const places = new Map<SchemaObject, number>();
  for (const object of [...snapshots.values()].flat())
    if (!places.has(object)) places.set(object, places.size);
  const pack = digest(['pack', ...snapshots.keys()]);
  cache.write(pack, {
    objects: [...places.keys()],
    snapshots: Object.fromEntries(
      [...snapshots].map(([key, objects]) => [key, objects.map((object) => places.get(object))]),
    ),
  });
  for (const key of snapshots.keys()) cache.write(key, { pack });
}
