import { randomUUID } from 'node:crypto';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { adopt, type Beginning } from './start-or-resume.ts';
import type { Workplace } from './batch.ts';
import type { Backfill } from './definition.ts';
import type { BackfillOptions } from './options.ts';
import { createPace } from './batch-size.ts';
import { strategyOf, windowPages, type Range, type Strategy } from './strategy.ts';
import { subjectOf, type Relation, type Subject } from './resolve-target.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { Rewritten, walk } from './scan-range.ts';
import { progressLine } from './progress-line.ts';

/** A backfill that is being filled. */
export interface Filling {
  session: Session;
  backfill: Backfill;
  subjects: Subject[];
  options: BackfillOptions;
  isPooled: boolean;
  beginning: Beginning;
}

/** What the end of a run goes on working with. */
export interface Filled {
  place: Workplace;
  subjects: Subject[];
}

/** Walks all ranges, with as many workers as there are. @throws what a worker threw first */
export async function fill(filling: Filling): Promise<Filled> {
  const { options, session, subjects } = filling;
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  const sessions = await openSessions(filling);
  const crew = {
    ...filling,
    signal,
    tally: createTally(filling),
    tell: createAnnouncer(filling),
    facts: await readFacts(session),
  };
  const throttle = await superviseBy(crew, sessions);
  try {
    const places = sessions.map((each) => placeOf(each, crew, throttle));
    await walkAll(crew, places, throttle).catch((error: unknown) => {
      failing.abort();
      throw error;
    });
    options.signal.throwIfAborted();
    const [place] = places;
    if (!place) throw new Error('a backfill has at least one worker');
    return { place, subjects };
  } finally {
    await throttle.stop();
    await Promise.allSettled(sessions.slice(1).map((each) => each.close()));
  }
}

interface Crew extends Filling {
  signal: AbortSignal;
  tally: Tally;
  facts: Facts;
  /** Says which way a table is walked. */
  tell: (relation: Relation, strategy: Strategy, session: Session) => Promise<void>;
}

/** The first worker is the session that holds the lock: without it nobody goes on. */
async function openSessions({ session, options, beginning }: Filling): Promise<Session[]> {
  const { workers, anotherSession, onNote } = options;
  if (session.server.kind === 'pglite' && workers > 1)
    onNote('1 worker: the embedded database has one session');
  const most = session.server.kind === 'pglite' ? 1 : Math.min(workers, beginning.ranges.length);
  const sessions = [session];
  while (sessions.length < most) sessions.push(await anotherSession());
  return sessions;
}

async function superviseBy(
  { session, backfill, subjects, options, isPooled, signal, tally }: Crew,
  sessions: readonly Session[],
): Promise<Throttle> {
  const isShared = session.server.kind === 'pglite';
  const observer = isShared ? session : await options.anotherSession();
  const throttle: Throttle = await createThrottle({
    name: backfill.name,
    observer,
    isShared,
    // Behind a pooler a process is whoever's transaction comes next.
    pids: isPooled ? [] : sessions.map(({ pid }) => pid),
    relations: subjects.flatMap(({ relations }) => relations.map(({ oid }) => oid)),
    limits: options.limits,
    signal,
    onWait: () => tally.tell(throttle.reason()),
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

interface Facts {
  /** Pages of the server's cache. */
  sharedBuffers: number;
  /** Milliseconds. */
  deadlockTimeout: number;
}

async function readFacts(session: Session): Promise<Facts> {
  const [row] = await session.query<Facts & Record<string, unknown>>(
    `SELECT (SELECT setting::float8 FROM pg_settings WHERE name = 'shared_buffers') AS "sharedBuffers",
            (SELECT setting::float8 FROM pg_settings WHERE name = 'deadlock_timeout') AS "deadlockTimeout"`,
  );
  return row ?? { sharedBuffers: 16_384, deadlockTimeout: 1_000 };
}

function placeOf(session: Session, crew: Crew, throttle: Throttle): Workplace {
  const { backfill, options, signal, tally, facts } = crew;
  const { batchTime, fixMismatched, maxFailures, patience } = options;
  return {
    name: backfill.name,
    session,
    pace: createPace(batchTime),
    purpose: fixMismatched ? 'fix' : 'fill',
    signal,
    limits: {
      lock: Math.min(100, batchTime),
      statement: Math.max(2 * batchTime, Math.min(4 * batchTime, facts.deadlockTimeout)),
      patience,
      application: `dbops backfill run ${randomUUID().slice(0, 8)}`,
    },
    onBatch(changed) {
      tally.changed += changed;
      tally.tell(throttle.reason());
    },
    onFailure(label, id, error) {
      tally.failures += 1;
      const said = messageOf(error);
      options.onNote(`${label} ${id} is set aside: ${said}`);
      if (tally.failures >= maxFailures) throw tooManyFail(backfill.name, tally.failures, said);
    },
  };
}

function tooManyFail(name: string, count: number, said: string): DbopsError {
  return new DbopsError({
    code: 'BACKFILL.TOO_MANY_FAIL',
    exitCode: exitCodes.failed,
    message: `${count} rows failed, and the run gave up; what was filled before stands.`,
    reason: [`the last one: ${said}`],
    hint: `Correct the expression or the rows, or allow more with --max-failures; then: dbops backfill run ${name}`,
  });
}

async function walkAll(
  crew: Crew,
  places: readonly Workplace[],
  throttle: Throttle,
): Promise<void> {
  for (;;) {
    const queue = [...crew.beginning.ranges];
    const work = async (place: Workplace) => {
      for (let range = queue.shift(); range; range = queue.shift())
        await walkRange(range, crew, place, throttle);
    };
    const ends = await Promise.allSettled(
      places.map((place) =>
        work(place).catch((error: unknown) => {
          queue.length = 0;
          throw error;
        }),
      ),
    );
    const failed = ends.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    if (failed.length === 0) return;
    const [worst] = failed.filter((error) => !(error instanceof Rewritten));
    if (worst) throw worst;
    await beginAgain(crew);
  }
}

/** A table that was rewritten meanwhile begins anew; rows that are filled are not filled twice. */
async function beginAgain(crew: Crew): Promise<void> {
  const { session, backfill, subjects, options, tally } = crew;
  options.onNote(
    'a table was rewritten meanwhile (VACUUM FULL, CLUSTER or the like): its pages are walked anew',
  );
  for (const [at, { target, orphanValue }] of subjects.entries())
    subjects[at] = {
      ...(await subjectOf(session, target)),
      ...(orphanValue !== undefined && { orphanValue }),
    };
  const { ranges, pages } = await adopt(session, backfill, subjects, options.workers);
  crew.beginning = { ...crew.beginning, ranges, pages };
  tally.restart(crew.beginning);
}

async function walkRange(
  range: Range,
  { subjects, facts, options, tally, tell }: Crew,
  place: Workplace,
  throttle: Throttle,
): Promise<void> {
  const subject = subjects[range.target];
  const relation = subject?.relations.find(({ oid }) => oid === range.relation);
  if (!subject || !relation) throw new Rewritten();
  let seen = range.next;
  const strategy = async () => {
    const chosen = strategyOf(subject, relation, throttle.pinnedBy());
    if (!chosen) throw noWay(subject);
    await tell(relation, chosen, place.session);
    return chosen;
  };
  await strategy();
  return walk({
    range,
    subject,
    relation,
    place,
    throttle,
    window: windowPages(facts.sharedBuffers, options.workers),
    strategy,
    onProgress(next) {
      tally.pages += next - seen;
      seen = next;
    },
  });
}

function noWay({ label }: Subject): DbopsError {
  return new DbopsError({
    code: 'BACKFILL.NO_ORDER',
    exitCode: exitCodes.usage,
    message: `${label} can not be walked: it is no heap, and has no primary key.`,
    hint: 'Give it a primary key.',
  });
}

/** Says which way a table is walked, when that is first known and when it changes. */
function createAnnouncer({ backfill, options }: Filling) {
  const told = new Map<number, string>();
  return async ({ oid, name }: Relation, strategy: Strategy, session: Session) => {
    if (told.get(oid) === strategy.name) return;
    told.set(oid, strategy.name);
    const because = strategy.because ? ` (${strategy.because})` : '';
    options.onNote(`${name}: ${strategy.name}${because}`);
    await session.query('UPDATE dbops.backfills SET strategy = $2 WHERE name = $1', [
      backfill.name,
      `${strategy.name}${because}`,
    ]);
  };
}

type Tally = ReturnType<typeof createTally>;

/** What was done so far, for the line that tells of it. */
function createTally({ backfill, options, beginning }: Filling) {
  const started = performance.now();
  const before = beginning.goesOn ? beginning.before : undefined;
  const undone = ({ ranges }: Beginning) =>
    ranges.reduce((sum, { next, end }) => sum + end - next, 0);
  let total = beginning.pages;
  let first = total - undone(beginning);
  return {
    pages: first,
    changed: 0,
    failures: 0,
    restart(again: Beginning) {
      total = again.pages;
      first = total - undone(again);
      this.pages = first;
    },
    tell(reason: string | undefined) {
      const seconds = Math.max(0.001, (performance.now() - started) / 1_000);
      const pagesPerSecond = (this.pages - first) / seconds;
      options.onProgress(
        progressLine(backfill.name, {
          fraction: this.pages / Math.max(1, total),
          changed: (before?.changed ?? 0) + this.changed,
          rowsPerSecond: this.changed / seconds,
          ...(pagesPerSecond > 0 && { etaSeconds: (total - this.pages) / pagesPerSecond }),
          reason,
        }),
      );
    },
  };
}
