import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../db/session.ts';
import { countRows, failedOf, type RowCounts } from './row-counts.ts';
import { isRowError, runBatch, type Worker } from './batch.ts';
import type { WorkersResult, BackfillRun } from './workers.ts';
import { mostAtOnce, pageOf, remaining, remainingUnread } from './sql.ts';
import type { Quarantined } from './row-counts.ts';
import { readQuarantine, sweepRange } from './store.ts';
import { readDefined } from './read-defined.ts';
import type { Relation } from './read-table.ts';
import type { Subject } from './resolve-target.ts';

/** The result of the final sweep, counted in one snapshot. */
export interface FinalCounts {
  counts: RowCounts;
  byTarget: RowCounts[];
  quarantine: Quarantined[];
  proofMs: number;
}

/** Sweeps after which remaining rows are only reported. */
const mostSweeps = 8;

/**
 * Fills the rows that are still open (they moved to a page that had been scanned, were locked, or were
 * inserted before the trigger existed) and counts every row in one snapshot.
 */
export async function finalSweep(
  { worker, subjects }: WorkersResult,
  { session, backfill, options }: Omit<BackfillRun, 'runPlan'>,
): Promise<FinalCounts> {
  const { signal, onProgress } = options;
  for (let sweeps = 1; ; sweeps++) {
    signal.throwIfAborted();
    onProgress(`backfill ${backfill.name}  final sweep`);
    for (const [target, subject] of subjects.entries())
      for (const relation of subject.relations)
        await sweep({ session, worker, subject, target, relation });
    signal.throwIfAborted();
    const quarantine = await readQuarantine(session, backfill.name);
    const started = performance.now();
    const counted = await countRows(session, subjects, quarantine).catch((error: unknown) => {
      if (!isRowError(error) || sweeps >= mostSweeps) throw error;
      return undefined; // a row whose value cannot be computed was inserted; the next sweep finds it
    });
    const proofMs = performance.now() - started;
    if (counted && (counted.sum.open === 0 || sweeps >= mostSweeps))
      return { counts: counted.sum, byTarget: counted.byTarget, quarantine, proofMs };
    await sleep(50 * 2 ** sweeps, undefined, { signal });
  }
}

interface Sweep {
  session: Session;
  worker: Worker;
  subject: Subject;
  target: number;
  relation: Relation;
}

/** Fills the open rows of a relation, in rounds of at most `mostAtOnce` rows. */
async function sweep({ session, worker, subject, target, relation }: Sweep): Promise<void> {
  for (let isMore = true; isMore && !worker.signal.aborted;) {
    const quarantine = await readQuarantine(session, worker.name);
    const failed = failedOf(subject, target, quarantine);
    const ask = (sql: string) => readDefined<{ id: string }>(session, sql);
    const rows = await ask(remaining(subject, relation, failed, worker.purpose)).catch(
      (error: unknown) => {
        if (!isRowError(error)) throw error;
        return ask(remainingUnread(subject, relation, failed, worker.purpose));
      },
    );
    const ids = rows.map(({ id }) => id).toSorted((a, b) => pageOf(a) - pageOf(b));
    let changed = 0;
    for (let from = 0; from < ids.length && !worker.signal.aborted;) {
      const part = ids.slice(from, from + worker.sizer.size());
      from += part.length;
      const checkpoint = { range: sweepRange };
      changed += await runBatch(
        { subject, target, relation, rows: { naming: 'ctid', ids: part }, checkpoint },
        worker,
      );
    }
    isMore = ids.length >= mostAtOnce && changed > 0;
  }
}
