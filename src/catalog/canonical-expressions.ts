import type { Session } from '../db/session.ts';
import { kinds } from './kinds/index.ts';
import {
  inView,
  parentOf,
  type ObjectExpression,
  type SchemaObject,
  type Scratch,
} from './kinds/kind.ts';

/** An expression and its object. */
export interface ObjectSpelling extends ObjectExpression {
  object: SchemaObject;
}

/**
 * Returns expressions as one server deparses them; equal results mean the same. Server versions
 * deparse differently, and so do a new `varchar IN (…)` and one restored from a dump.
 *
 * Must run in a scratch transaction of a shadow that has the objects.
 *
 * @returns undefined for an expression that cannot be created there
 */
export async function canonicalSpellings(
  shadow: Session,
  spellings: readonly ObjectSpelling[],
): Promise<(string | undefined)[]> {
  const scratches = spellings.map(({ object, word, text }, at) =>
    scratchOf(object, { word, text }, `dbops_respell_${at}`),
  );
  return makeAndRead(shadow, scratches);
}

function scratchOf(object: SchemaObject, expression: ObjectExpression, name: string): Scratch {
  const kind = kinds.find((each) => each.name === object.kind);
  if (kind?.respell) return kind.respell(object, expression, name);
  return inView(expression.text, object.parent && parentOf(object), name);
}

/** Creates and reads all in two round trips; retries in halves when one of them cannot be created. */
async function makeAndRead(
  shadow: Session,
  scratches: readonly Scratch[],
): Promise<(string | undefined)[]> {
  if (scratches.length === 0) return [];
  await shadow.script('SAVEPOINT respell');
  try {
    await shadow.script(scratches.map(({ make }) => make).join(';\n'));
    const reads = scratches.map(({ read }) => `${read}::text`);
    const [row] = await shadow.query<{ read: (string | null)[] }>(
      `SELECT ARRAY[${reads.join(', ')}] AS read`,
    );
    return scratches.map((_, at) => row?.read[at] ?? undefined);
  } catch {
    await shadow.script('ROLLBACK TO respell');
    if (scratches.length === 1) return [undefined];
    const half = scratches.length >> 1;
    return [
      ...(await makeAndRead(shadow, scratches.slice(0, half))),
      ...(await makeAndRead(shadow, scratches.slice(half))),
    ];
  } finally {
    await shadow.script('ROLLBACK TO respell; RELEASE respell');
  }
}
