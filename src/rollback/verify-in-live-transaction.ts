import { differencesOf, type Difference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { fullSnapshot, objectName, pinned } from '../catalog/snapshot.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Guard } from '../rescue/guard.ts';
import type { Rollback } from './rollback.ts';

/**
 * Surrounds a proven rollback in the live database, inside its transaction: what it has changed
 * there must be what it changed in the shadow. The live schema may have drifted from the folder's.
 *
 * @param inner what surrounds the script itself
 */
export function verifying(rollback: Rollback, inner: Guard | undefined): Guard {
  return {
    async around(session, script, toPath) {
      const before = await look(session);
      if (inner) await inner.around(session, script, toPath);
      else await script();
      const strangers = strangersOf(rollback, await changesOf(before, await look(session)));
      if (strangers.length > 0) throw isDifferent(rollback, strangers);
    },
    before: async (session, toPath) => inner?.before(session, toPath),
    after: async (session) => inner?.after(session),
  };
}

/** In the caller's transaction, whose settings stay as they are. */
async function look(session: Session): Promise<SchemaObject[]> {
  await session.script(`SAVEPOINT dbops_look; ${pinned}`);
  const objects = await fullSnapshot(session);
  await session.script('ROLLBACK TO SAVEPOINT dbops_look; RELEASE SAVEPOINT dbops_look');
  return objects;
}

/** Texts are left out: another type of a column spells what uses it in another way. */
function changesOf(before: SchemaObject[], after: SchemaObject[]): Promise<Difference[]> {
  const areSame = async (doubts: readonly unknown[]) => doubts.map(() => true);
  return differencesOf(after, before, areSame, { all: true });
}

/** What happened here and not in the shadow, and the other way round. */
function strangersOf({ changes }: Rollback, here: readonly Difference[]): string[] {
  const expected = new Set(changes.map(keyOf));
  const found = new Set(here.map(keyOf));
  const certain = changes.filter(({ change }) => change !== 'different');
  return [
    ...here.filter((one) => !expected.has(keyOf(one))).map((one) => `only here: ${wordsOf(one)}`),
    ...certain.filter((one) => !found.has(keyOf(one))).map((one) => `not here: ${wordsOf(one)}`),
  ];
}

function keyOf({ change, object }: Difference): string {
  return `${change} ${object.kind} ${objectName(object)}`;
}

const words = { extra: 'taken away', missing: 'brought back', different: 'changed' };

function wordsOf({ change, object }: Difference): string {
  return `${object.kind} ${objectName(object)} ${words[change]}`;
}

function isDifferent({ name }: Rollback, strangers: string[]): DbopsError {
  return new DbopsError({
    code: 'ROLLBACK.DIFFERENT',
    exitCode: exitCodes.failed,
    message: `The rollback of ${name} does something else here than in the shadow; it was taken back, and the database is as it was.`,
    reason: strangers,
    hint: 'The live schema has drifted from the folder: dbops verify schema',
  });
}
