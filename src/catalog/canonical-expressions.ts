import type { Session } from '../db/session.ts';
import { kinds } from './kinds/index.ts';
import {
  inView,
  parentOf,
  type ObjectExpression,
  type SchemaObject,
  type Scratch,
} from './kinds/kind.ts';

/** An expression and the object that it is of. */
export interface ObjectSpelling extends ObjectExpression {
  object: SchemaObject;
}

/**
 * Expressions as one and the same engine spells them: versions differ in it, and so do a fresh
 * parse and a restored dump of `varchar IN (…)`. Two that come out alike mean the same.
 *
 * Must run in a scratch transaction of a shadow that has the objects.
 *
 * @returns nothing in place of an expression that can't be made there
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

/** All of them in two round trips; in halves when there is one among them that can't be made. */
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
