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
  const found: (string | undefined)[] = [];
  for (let at = 0; at < objects.length; at += most)
    found.push(...(await readSome(session, objects.slice(at, at + most))));
  return found;
}

/** Each definition is a subquery of one statement, and the server plans a statement as a whole. */
const most = 200;

async function readSome(session: Session, objects: readonly SchemaObject[]) {
  const reads = objects.map((object) => {
    const kind = kinds.find(({ name }) => name === object.kind);
    return `(${kind?.definition?.(object) ?? 'NULL'})::text`;
  });
  const [row] = await session.query<{ definitions: (string | null)[] }>(
    `SELECT ARRAY[${reads.join(',\n')}] AS definitions`,
  );
  return objects.map((_, at) => row?.definitions[at] ?? undefined);
}
