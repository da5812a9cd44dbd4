import { factsOf } from '../../catalog/deltas.ts';
import type { Wanted } from '../../shadow/replay-cache-key.ts';
import { spelledAlike } from '../../shadow/catalog-history.ts';
import type { Session } from '../../db/session.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import type { Diagnosis } from '../diagnose.ts';
import { readLive } from '../read.ts';
import { asideIn } from '../undo-record.ts';

/**
 * Whether the live catalog has all that a migration makes, or nothing of it, in the caller's
 * transaction.
 *
 * @throws DbopsError, upon which everything is rolled back
 */
export async function expectShowing(
  session: Session,
  { folder, wanted, diagnosis }: { folder: Folder; wanted: Wanted; diagnosis: Diagnosis },
  at: number,
  expected: 'all' | 'nothing',
): Promise<void> {
  const { objects } = await asideIn(session, () =>
    readLive(session, folder, { scope: wanted.scope, inTransaction: true }),
  );
  const live = factsOf(await spelledAlike(wanted, diagnosis.states, objects));
  const { deltas } = diagnosis.effects;
  const showings = diagnosis.solution.showings[at] ?? [];
  const wrong = (deltas[at] ?? []).filter(({ fact, before, after }, index) => {
    if (showings[index] === 'overwritten' || showings[index] === 'unclear') return false;
    return live(fact) !== (expected === 'all' ? after : before);
  });
  if (wrong.length === 0) return;
  throw new DbopsError({
    code: 'REPAIR.NOT_AS_PROVEN',
    exitCode: exitCodes.failed,
    message:
      'The statements gave a different schema than in the shadow database. Everything was rolled back.',
    reason: wrong.slice(0, 5).map(({ object, word }) => `${object.kind} ${object.name} ${word}`),
    hint: 'Use a shadow database on a server of the same version: --shadow-url postgres://…',
  });
}
