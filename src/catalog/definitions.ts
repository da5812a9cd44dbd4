import type { Session } from '../db/session.ts';
import { kinds } from './kinds/index.ts';
import type { SchemaObject } from './kinds/kind.ts';

/**
 * Returns the DDL of objects as the server writes it, in the caller's transaction under
 * `fixedSettings`; undefined for an object that does not exist, or whose kind has no such function.
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
