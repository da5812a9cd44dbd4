import { setTimeout as sleep } from 'node:timers/promises';
import { underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { failedOf, takeAccount, type Account } from './row-counts.ts';
import { isOfRow, runBatch, type Workplace } from './batch.ts';
import type { Filled, Filling } from './workers.ts';
import { mostAtOnce, pageOf, remaining, remainingUnread } from './sql.ts';
import { readQuarantine, sweepRange, type Quarantined } from './store.ts';
import type { Relation, Subject } from './resolve-target.ts';

/** The end of a run, proven. */
export interface Proof {
  account: Account;
  byTarget: Account[];
  quarantine: Quarantined[];
  proofMs: number;
}

/** Sweeps before what is left is only reported. */
const mostSweeps = 8;

/**
 * Fills what is still open (rows that moved to a page which had been walked, that somebody held, or
 * that came while no trigger was there), and counts every row in one snapshot.
 */
export async function finish(
  { place, subjects }: Filled,
  { session, backfill, options }: Omit<Filling, 'beginning'>,
): Promise<Proof> {
  const { signal, onProgress } = options;
  for (let sweeps = 1; ; sweeps++) {
    signal.throwIfAborted();
    onProgress(`backfill ${backfill.name}  proving that nothing is left`);
    for (const [target, subject] of subjects.entries())
      for (const relation of subject.relations)
        await sweep({ session, place, subject, target, relation });
    signal.throwIfAborted();
    const quarantine = await readQuarantine(session, backfill.name);
    const started = performance.now();
    const counted = await takeAccount(session, subjects, quarantine).catch((error: unknown) => {
      if (!isOfRow(error) || sweeps >= mostSweeps) throw error;
      return undefined; // a row whose value can't be computed came in between: the sweep finds it
    });
    const proofMs = performance.now() - started;
    if (counted && (counted.sum.open === 0 || sweeps >= mostSweeps))
      return { account: counted.sum, byTarget: counted.byTarget, quarantine, proofMs };
    await sleep(50 * 2 ** sweeps, undefined, { signal });
  }
}

interface Sweep {
  session: Session;
  place: Workplace;
  subject: Subject;
  target: number;
  relation: Relation;
}

/** One look at the rows that are left, as often as it finds many. */
async function sweep({ session, place, subject, target, relation }: Sweep): Promise<void> {
  for (let isMore = true; isMore && !place.signal.aborted;) {
    const quarantine = await readQuarantine(session, place.name);
    const failed = failedOf(subject, target, quarantine);
    const ask = (sql: string) => underUserPath<{ id: string }>(session, sql);
    const rows = await ask(remaining(subject, relation, failed, place.purpose)).catch(
      (error: unknown) => {
        if (!isOfRow(error)) throw error;
        return ask(remainingUnread(subject, relation, failed, place.purpose));
      },
    );
    const ids = rows.map(({ id }) => id).toSorted((a, b) => pageOf(a) - pageOf(b));
    let changed = 0;
    for (let from = 0; from < ids.length && !place.signal.aborted;) {
      const part = ids.slice(from, from + place.pace.size());
      from += part.length;
      const step = { range: sweepRange };
      changed += await runBatch(
        { subject, target, relation, rows: { naming: 'ctid', ids: part }, step },
        place,
      );
    }
    isMore = ids.length >= mostAtOnce && changed > 0;
  }
}
