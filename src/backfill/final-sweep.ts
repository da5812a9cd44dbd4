import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../db/session.ts';
import { countRows, failedOf, type RowCounts } from './row-counts.ts';
import { isRowError, runBatch, type Worker } from './batch.ts';
import type { WorkersResult, BackfillRun } from './workers.ts';
import { mostAtOnce, pageOf, remaining, remainingUnread, unlockedAmong } from './sql.ts';
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
  /** Whether open rows remain that no other session locks: something puts their value back. */
  isPutBack: boolean;
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
  let wereFree = false;
  for (let sweeps = 1; ; sweeps++) {
    signal.throwIfAborted();
    onProgress(`backfill ${backfill.name}  final sweep`);
    let changed = 0;
    const places = placesOf({ session, worker }, subjects);
    for (const place of places) changed += await sweep(place);
    signal.throwIfAborted();
    const quarantine = await readQuarantine(session, backfill.name);
    const started = performance.now();
    const counted = await countRows(session, subjects, quarantine).catch((error: unknown) => {
      if (!isRowError(error) || sweeps >= mostSweeps) throw error;
      return undefined; // a row whose value cannot be computed was inserted; the next sweep finds it
    });
    const proofMs = performance.now() - started;
    const isOpen = counted !== undefined && counted.sum.open > 0;
    // A lock may have been released after the sweep, so the rows must have been free before it too.
    const areFree = isOpen && changed === 0 && (await anyUnlocked(places));
    const isPutBack = areFree && wereFree;
    wereFree = areFree;
    if (counted && (!isOpen || isPutBack || sweeps >= mostSweeps))
      return { counts: counted.sum, byTarget: counted.byTarget, quarantine, proofMs, isPutBack };
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

function placesOf(run: Pick<Sweep, 'session' | 'worker'>, subjects: readonly Subject[]): Sweep[] {
  return subjects.flatMap((subject, target) =>
    subject.relations.map((relation) => ({ ...run, subject, target, relation })),
  );
}

/** Returns the ids of at most `mostAtOnce` open rows, in physical order. */
async function openRows({ session, worker, subject, target, relation }: Sweep): Promise<string[]> {
  const quarantine = await readQuarantine(session, worker.name);
  const failed = failedOf(subject, target, quarantine);
  const ask = (sql: string) => readDefined<{ id: string }>(session, sql);
  const rows = await ask(remaining(subject, relation, failed, worker.purpose)).catch(
    (error: unknown) => {
      if (!isRowError(error)) throw error;
      return ask(remainingUnread(subject, relation, failed, worker.purpose));
    },
  );
  return rows.map(({ id }) => id).toSorted((a, b) => pageOf(a) - pageOf(b));
}

/** Open rows whose locks are tried. */
const mostTried = 100;

/** Returns whether a few of the open rows could have been updated: no other session locks them. */
async function anyUnlocked(places: readonly Sweep[]): Promise<boolean> {
  for (const place of places) {
    const { session, subject, relation } = place;
    const ids = (await openRows(place)).slice(0, mostTried);
    if (ids.length === 0) continue;
    await session.script('BEGIN');
    const sql = unlockedAmong(subject, relation, { naming: 'ctid', ids });
    const found = await readDefined<{ rows: number }>(session, sql).finally(() =>
      session.script('ROLLBACK'),
    );
    if ((found[0]?.rows ?? 0) > 0) return true;
  }
  return false;
}

/**
 * Fills the open rows of a relation, in rounds of at most `mostAtOnce` rows.
 *
 * @returns the number of rows that hold their value now
 */
async function sweep(place: Sweep): Promise<number> {
  const { worker, subject, target, relation } = place;
  let sum = 0;
  for (let isMore = true; isMore && !worker.signal.aborted;) {
    const ids = await openRows(place);
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
    sum += changed;
    isMore = ids.length >= mostAtOnce && changed > 0;
  }
  return sum;
}
