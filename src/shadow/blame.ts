import * as z from 'zod';
import type { Session } from '../db/session.ts';
import { digest, openCache } from './cache.ts';
import { definitionsOf } from '../catalog/definitions.ts';
import type { Difference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { prefixKeys, withReplayer, type Wanted } from './replay-cache-key.ts';
import { replay } from './replay.ts';
import { inScratchTransaction, keyOfObject, readObjects } from '../catalog/snapshot.ts';

const origin = z.object({ migration: z.string().optional(), definition: z.string().optional() });

/** Where an object that migrations make comes from. */
export type Origin = z.infer<typeof origin>;

/**
 * Returns for each difference the migration that created the object, or last changed the differing
 * property, and its definition after all migrations. This is recorded nowhere (`xmin` of a row
 * changes with every update), so the objects are read after every migration of one more replay.
 */
export async function originsOf(
  wanted: Wanted,
  differences: readonly Difference[],
): Promise<Origin[]> {
  if (differences.length === 0) return [];
  const asked = differences.map((difference) => [
    keyOfObject(difference.object),
    wordsOf(difference),
  ]);
  const cache = openCache(wanted.environment);
  const file = digest(['origins', prefixKeys(wanted).at(-1), asked]);
  const known = cache.read(file, z.array(origin));
  if (known) return known;
  const found = await withReplayer(wanted, (shadow) => trace(shadow, wanted, differences));
  cache.write(file, found);
  return found;
}

async function trace(
  shadow: Session,
  { migrations, format }: Wanted,
  differences: readonly Difference[],
): Promise<Origin[]> {
  const objects = differences.map(({ object }) => object);
  const texts: (string | undefined)[] = [];
  const makers: (string | undefined)[] = [];
  await replay(shadow, migrations, format, async (length) => {
    const found = await inScratchTransaction(shadow, () => readObjects(shadow, objects));
    for (const [at, difference] of differences.entries()) {
      const text = textOf(found[at], wordsOf(difference));
      if (text !== texts[at]) makers[at] = migrations[length - 1]?.name;
      texts[at] = text;
    }
  });
  const definitions = await inScratchTransaction(shadow, () => definitionsOf(shadow, objects));
  return objects.map((_, at) => ({ migration: makers[at], definition: definitions[at] }));
}

/** Of a missing object nothing: it was made, and dropped perhaps, as a whole. */
function wordsOf(difference: Difference): string[] {
  return difference.change === 'different' ? difference.details.map(({ word }) => word) : [];
}

function textOf(object: SchemaObject | undefined, words: readonly string[]): string | undefined {
  if (!object) return undefined;
  const { properties, expressions } = object;
  return JSON.stringify(words.map((word) => [properties[word], expressions[word]]));
}
