import { randomUUID } from 'node:crypto';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { reuseRanges, type RunPlan } from './start-or-resume.ts';
import type { Worker } from './batch.ts';
import type { Backfill } from './definition.ts';
import type { BackfillOptions } from './options.ts';
import { createBatchSizer } from './batch-size.ts';
import { strategyOf, windowPages, type ScanRange, type Strategy } from './strategy.ts';
import type { Relation } from './read-table.ts';
import { resolveTarget, type Subject } from './resolve-target.ts';
import type { Pacing } from './pacing.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { TableRewritten, scanRange } from './scan-range.ts';
import { progressLine } from './progress-line.ts';
import { shellWord } from '../output/shell.ts';

/** A backfill while it runs. */
export interface BackfillRun {
  session: Session;
  backfill: Backfill;
  subjects: Subject[];
  options: BackfillOptions;
  isPooled: boolean;
  runPlan: RunPlan;
}

/** What the final sweep continues with. */
export interface WorkersResult {
  worker: Worker;
  subjects: Subject[];
  /** Of one worker: all of them pause at the same time. */
  pacing: Pacing;
}

/** Scans all ranges with the workers. @throws the first error of a worker */
export async function runWorkers(run: BackfillRun): Promise<WorkersResult> {
  const { options, session, subjects } = run;
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const sessions = await openSessions(run);
  const pool = {
    ...run,
    signal,
    counter: createCounter(run),
    announce: createAnnouncer(run),
    settings: await readServerSettings(session),
  };
  const throttle = await startThrottle(pool, sessions);
  try {
    const workers = sessions.map((each) => createWorker(each, pool, throttle));
    await scanAll(pool, workers, throttle).catch((error: unknown) => {
      failure.abort();
      throw error;
    });
    options.signal.throwIfAborted();
    const [worker] = workers;
    if (!worker) throw new Error('a backfill has at least one worker');
    const pacing = throttle.pacing();
    return { worker, subjects, pacing: { ...pacing, paused: pacing.paused / workers.length } };
  } finally {
    await throttle.stop();
    await Promise.allSettled(sessions.slice(1).map((each) => each.close()));
  }
}

interface WorkerPool extends BackfillRun {
  signal: AbortSignal;
  counter: Counter;
  settings: ServerSettings;
  /** Reports and records how a table is scanned. */
  announce: (relation: Relation, strategy: Strategy, session: Session) => Promise<void>;
}

/** The first worker uses the session that holds the lock: if it is lost, the run stops. */
async function openSessions({ session, options, runPlan }: BackfillRun): Promise<Session[]> {
  const { workers, anotherSession, onNote } = options;
  if (session.server.kind === 'pglite' && workers > 1)
    onNote('using 1 worker: the embedded database has one session');
  const most = session.server.kind === 'pglite' ? 1 : Math.min(workers, runPlan.ranges.length);
  const sessions = [session];
  while (sessions.length < most) sessions.push(await anotherSession());
  return sessions;
}

async function startThrottle(
  { session, backfill, subjects, options, isPooled, signal, counter }: WorkerPool,
  sessions: readonly Session[],
): Promise<Throttle> {
  const isShared = session.server.kind === 'pglite';
  const observer = isShared ? session : await options.anotherSession();
  const throttle: Throttle = await createThrottle({
    name: backfill.name,
    observer,
    isShared,
    // Behind a pooler, a server process runs the transactions of any client.
    pids: isPooled ? [] : sessions.map(({ pid }) => pid),
    relations: subjects.flatMap(({ relations }) => relations.map(({ oid }) => oid)),
    limits: options.limits,
    signal,
    onWait: () => counter.announce(throttle.reason()),
    ...(options.maxRate !== undefined && { maxRate: options.maxRate }),
  });
  return {
    ...throttle,
    async stop() {
      await throttle.stop();
      if (!isShared) await observer.close().catch(() => {});
    },
  };
}

interface ServerSettings {
  /** `shared_buffers`, in pages. */
  sharedBuffers: number;
  /** `deadlock_timeout`, in milliseconds. */
  deadlockTimeout: number;
}

async function readServerSettings(session: Session): Promise<ServerSettings> {
  const [row] = await session.query<ServerSettings & Record<string, unknown>>(
    `SELECT (SELECT setting::float8 FROM pg_settings WHERE name = 'shared_buffers') AS "sharedBuffers",
            (SELECT setting::float8 FROM pg_settings WHERE name = 'deadlock_timeout') AS "deadlockTimeout"`,
  );
  return row ?? { sharedBuffers: 16_384, deadlockTimeout: 1_000 };
}

function createWorker(session: Session, pool: WorkerPool, throttle: Throttle): Worker {
  const { backfill, options, signal, counter, settings } = pool;
  const { batchTime, fixMismatched, maxFailures, patience } = options;
  return {
    name: backfill.name,
    session,
    sizer: createBatchSizer(batchTime),
    purpose: fixMismatched ? 'fix' : 'fill',
    signal,
    limits: {
      lock: Math.min(100, batchTime),
      statement: Math.max(2 * batchTime, Math.min(4 * batchTime, settings.deadlockTimeout)),
      patience,
      application: `dbops backfill run ${randomUUID().slice(0, 8)}`,
    },
    onBatch(changed) {
      counter.changed += changed;
      counter.announce(throttle.reason());
    },
    onFailure(label, id, error) {
      counter.failures += 1;
      const message = messageOf(error);
      options.onNote(`${label} ${id} is in quarantine: ${message}`);
      if (counter.failures >= maxFailures)
        throw tooManyFailures(backfill.name, counter.failures, message);
    },
  };
}

function tooManyFailures(name: string, count: number, message: string): DbopsError {
  return new DbopsError({
    code: 'BACKFILL.TOO_MANY_FAIL',
    exitCode: exitCodes.failed,
    message: `Stopped after ${formatCount(count)} failed rows; earlier batches remain committed.`,
    reason: [`last error: ${message}`],
    hint: `Fix the expression or the rows, or increase --max-failures; then run: dbops backfill run ${shellWord(name)}`,
  });
}

async function scanAll(
  pool: WorkerPool,
  workers: readonly Worker[],
  throttle: Throttle,
): Promise<void> {
  for (;;) {
    const queue = [...pool.runPlan.ranges];
    const work = async (worker: Worker) => {
      for (let range = queue.shift(); range; range = queue.shift())
        await scanOneRange(range, pool, worker, throttle);
    };
    const ends = await Promise.allSettled(
      workers.map((worker) =>
        work(worker).catch((error: unknown) => {
          queue.length = 0;
          throw error;
        }),
      ),
    );
    const failed = ends.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    if (failed.length === 0) return;
    const [error] = failed.filter((each) => !(each instanceof TableRewritten));
    if (error) throw error;
    await rescanRewrittenTables(pool);
  }
}

/** Scans rewritten tables from the start. Filled rows are not filled twice. */
async function rescanRewrittenTables(pool: WorkerPool): Promise<void> {
  const { session, backfill, subjects, options, counter } = pool;
  options.onNote('a table was rewritten (VACUUM FULL, CLUSTER or similar); scanning it again');
  for (const [at, { target, orphanValue }] of subjects.entries())
    subjects[at] = {
      ...(await resolveTarget(session, target)),
      ...(orphanValue !== undefined && { orphanValue }),
    };
  const { ranges, pages } = await reuseRanges(session, backfill, subjects, options.workers);
  pool.runPlan = { ...pool.runPlan, ranges, pages };
  counter.restart(pool.runPlan);
}

async function scanOneRange(
  range: ScanRange,
  { subjects, settings, options, counter, announce }: WorkerPool,
  worker: Worker,
  throttle: Throttle,
): Promise<void> {
  const subject = subjects[range.target];
  const relation = subject?.relations.find(({ oid }) => oid === range.relation);
  if (!subject || !relation) throw new TableRewritten();
  let seen = range.next;
  const strategy = async () => {
    const chosen = strategyOf(subject, relation, throttle.pinnedBy());
    if (!chosen) throw noScanOrder(subject);
    await announce(relation, chosen, worker.session);
    return chosen;
  };
  await strategy();
  return scanRange({
    range,
    subject,
    relation,
    worker,
    throttle,
    window: windowPages(settings.sharedBuffers, options.workers),
    strategy,
    onProgress(next) {
      counter.pages += next - seen;
      seen = next;
    },
  });
}

function noScanOrder({ label }: Subject): DbopsError {
  return new DbopsError({
    code: 'BACKFILL.NO_ORDER',
    exitCode: exitCodes.usage,
    message: `${label} cannot be scanned: it is not a heap table and has no primary key.`,
    hint: 'Add a primary key.',
  });
}

/** Reports how a table is scanned, when that is first known and when it changes. */
function createAnnouncer({ backfill, options }: BackfillRun) {
  const announced = new Map<number, string>();
  return async ({ oid, name }: Relation, strategy: Strategy, session: Session) => {
    if (announced.get(oid) === strategy.name) return;
    announced.set(oid, strategy.name);
    const because = strategy.because ? ` (${strategy.because})` : '';
    const report = strategy.because ? options.onNote : options.onDetail;
    report(`${name}: ${strategy.name}${because}`);
    await session.query('UPDATE dbops.backfills SET strategy = $2 WHERE name = $1', [
      backfill.name,
      `${strategy.name}${because}`,
    ]);
  };
}

type Counter = ReturnType<typeof createCounter>;

/** Counts the work of all workers, for the progress line. */
function createCounter({ backfill, options, runPlan }: BackfillRun) {
  const started = performance.now();
  const previous = runPlan.isResumed ? runPlan.previous : undefined;
  const remainingPages = ({ ranges }: RunPlan) =>
    ranges.reduce((sum, { next, end }) => sum + end - next, 0);
  let total = runPlan.pages;
  let first = total - remainingPages(runPlan);
  return {
    pages: first,
    changed: 0,
    failures: 0,
    restart(plan: RunPlan) {
      total = plan.pages;
      first = total - remainingPages(plan);
      this.pages = first;
    },
    announce(reason: string | undefined) {
      const seconds = Math.max(0.001, (performance.now() - started) / 1_000);
      const pagesPerSecond = (this.pages - first) / seconds;
      options.onProgress(
        progressLine(backfill.name, {
          fraction: this.pages / Math.max(1, total),
          changed: (previous?.changed ?? 0) + this.changed,
          rowsPerSecond: this.changed / seconds,
          ...(pagesPerSecond > 0 && { etaSeconds: (total - this.pages) / pagesPerSecond }),
          reason,
        }),
      );
    },
  };
}
