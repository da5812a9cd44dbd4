import type { Session } from '../db/session.ts';
import { kinds } from './kinds/index.ts';
import type { SchemaObject } from './kinds/kind.ts';

/**
 * The DDL of objects as the server writes it, in the caller's transaction, which is pinned.
 *
 * @returns nothing in place of an object that is not there, or whose kind has no such text
 */
export async function definitionsOf(
  session: Session,
  objects: readonly SchemaObject[],
): Promise<(string | undefined)[]> {
  const reads = objects.map((object) => {
    const kind = kinds.find(({ name }) => name === object.kind);
    return `(${kind?.definition?.(object) ?? 'NULL'})::text`;
  });
  if (reads.length === 0) return [];
  const [row] = await session.query<{ definitions: (string | null)[] }>(
    `SELECT ARRAY[${reads.join(',\n')}] AS definitions`,
  );
  return objects.map((_, at) => row?.definitions[at] ?? undefined);
}
