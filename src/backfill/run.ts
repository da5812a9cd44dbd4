import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, interrupted, messageOf, usageError } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { countRows, describeRows, type RowCounts } from './row-counts.ts';
import { startOrResume, type RunPlan } from './start-or-resume.ts';
import type { Backfill } from './definition.ts';
import type { Pacing } from './pacing.ts';
import { runWorkers, type BackfillRun } from './workers.ts';
import { finalSweep } from './final-sweep.ts';
import { withLease } from './lease.ts';
import type { BackfillOptions } from './options.ts';
import { anyTrigger, ensureTriggers, removeTriggers } from './trigger-install.ts';
import { probeCondition } from './server-load.ts';
import type { Quarantined } from './row-counts.ts';
import { readRecord, readQuarantine } from './store.ts';
import { resolveTarget, type Subject } from './resolve-target.ts';
import { shellWord } from '../output/shell.ts';

/** The result of a run, and the rows of the tables after it. */
export interface BackfillResult {
  state: 'complete' | 'incomplete' | 'failed';
  counts: RowCounts;
  /** Rows that were changed, including by interrupted runs. */
  changed: number;
  batches: number;
  /** Milliseconds of work, over all those runs. */
  durationMs: number;
  /** Milliseconds of the final count. */
  proofMs: number;
  /** What this run paused while commits of the server were slow; absent: it wrote nothing. */
  pacing?: Pacing;
  /** Descriptions of a few rows. */
  samples: { orphans: string[]; mismatched: string[] };
  quarantine: (Quarantined & { table: string })[];
  /** A trigger fills new rows. */
  hasTrigger: boolean;
  /** Triggers of the tables that each changed row fires; only of a dry run. */
  firing?: string[];
  /** Triggers that may restore the previous value of open rows which no other session locks. */
  puttingBack?: string[];
}

type OrphanPolicy = Pick<BackfillOptions, 'orphans'>;

/**
 * Counts every row without changing any.
 *
 * @throws usage error when a table or column does not exist or has another type
 */
export async function inspectBackfill(
  session: Session,
  backfill: Backfill,
  options: OrphanPolicy,
): Promise<BackfillResult> {
  const started = performance.now();
  const subjects = await resolveTargets(session, backfill, options);
  const known = await readRecord(session, backfill.name);
  const quarantine = known ? await readQuarantine(session, backfill.name) : [];
  const { sum, byTarget } = await countRows(session, subjects, quarantine);
  const durationMs = performance.now() - started;
  return {
    state: isComplete(sum, options) ? 'complete' : 'incomplete',
    counts: sum,
    changed: 0,
    batches: 0,
    durationMs,
    proofMs: durationMs,
    samples: await describeRows(session, subjects, { byTarget }, quarantine),
    quarantine: withTables(quarantine, subjects),
    hasTrigger: await anyTrigger(session, subjects),
    firing: triggersOn(subjects),
  };
}

/**
 * Fills every target in batches, each in one transaction together with its checkpoint, and counts at
 * the end that no row is open. An interrupted run is resumed.
 *
 * @throws usage error when it cannot start, code 7 while another run holds the lock, 130 when
 *   interrupted between two batches
 */
export async function runBackfill(
  session: Session,
  backfill: Backfill,
  options: BackfillOptions,
): Promise<BackfillResult> {
  const subjects = await resolveTargets(session, backfill, options);
  await probeCondition(session, options.limits);
  for (const subject of subjects) noteDecisions(subject, options);
  return withLease(session, backfill.name, options, (locks) =>
    fillAll({ session, backfill, subjects, options, isPooled: locks.isPooled }, locks),
  );
}

async function fillAll(
  work: Omit<BackfillRun, 'runPlan'>,
  locks: AdvisoryLocks,
): Promise<BackfillResult> {
  const { session, backfill, subjects, options } = work;
  const runPlan = await startOrResume(session, backfill, subjects, options);
  if (runPlan.isResumed) options.onNote(`resuming (${workDone(runPlan)})`);
  try {
    if (options.trigger) await ensureTriggers(work);
    const filled = await runWorkers({ ...work, runPlan });
    await locks.check();
    const { counts, byTarget, quarantine, proofMs, isPutBack } = await finalSweep(filled, work);
    const state = stateAfter(counts, options);
    if (options.removeTrigger) await removeTriggers(session, subjects, options);
    const record = await recordEnd(session, backfill.name, state, counts);
    return {
      state,
      counts,
      changed: record?.changed ?? 0,
      batches: record?.batches ?? 0,
      durationMs: record?.activeMs ?? 0,
      proofMs,
      pacing: filled.pacing,
      samples: await describeRows(session, subjects, { byTarget }, quarantine),
      quarantine: withTables(quarantine, subjects),
      hasTrigger: await anyTrigger(session, subjects),
      ...(isPutBack && { puttingBack: triggersOn(subjects) }),
    };
  } catch (error) {
    const state = options.signal.aborted ? 'interrupted' : 'failed';
    await setState(session, backfill.name, state).catch(() => {});
    if (options.signal.aborted) throw await stopped(session, backfill.name);
    throw isConnectionLoss(error) ? lost(backfill.name, error) : error;
  }
}

function triggersOn(subjects: readonly Subject[]): string[] {
  return subjects.flatMap(({ label, triggers }) => triggers.map((name) => `${name} on ${label}`));
}

function stateAfter(counts: RowCounts, options: OrphanPolicy): BackfillResult['state'] {
  if (counts.quarantined > 0) return 'failed';
  return isComplete(counts, options) ? 'complete' : 'incomplete';
}

function isComplete(
  { open, orphans, mismatched, quarantined }: RowCounts,
  { orphans: orphanPolicy }: OrphanPolicy,
) {
  const remaining =
    open + mismatched + quarantined + (orphanPolicy.policy === 'skip' ? 0 : orphans);
  return remaining === 0;
}

async function resolveTargets(
  session: Session,
  { targets }: Backfill,
  { orphans }: OrphanPolicy,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const target of targets) {
    const subject = await resolveTarget(session, target);
    if (orphans.policy === 'set')
      subject.orphanValue = await literalOf(session, subject, orphans.value);
    subjects.push(subject);
  }
  return subjects;
}

/** Returns SQL of the value. @throws usage error when it is not valid for the column's type */
async function literalOf(
  session: Session,
  { type, label }: Subject,
  value: string,
): Promise<string> {
  const literal = `${quoteLiteral(value)}::${type}`;
  try {
    await session.query(`SELECT ${literal}`);
    return literal;
  } catch (error) {
    if (!codeOf(error).startsWith('22')) throw error;
    const message = messageOf(error);
    throw usageError(
      'BACKFILL.ORPHANS',
      `--orphans set=${value} is not valid for ${label}: ${message}.`,
      `Specify a value of type ${type}, or use --orphans skip`,
    );
  }
}

function noteDecisions(
  { label, column, triggers, doneBecause, from }: Subject,
  { onNote }: BackfillOptions,
) {
  if (triggers.length > 0)
    onNote(`${label}: triggers of the table fire for every filled row: ${triggers.join(', ')}`);
  if (doneBecause)
    onNote(`${label}: rows with a ${column} count as filled, because ${doneBecause}`);
  if (from && !from.isUnique)
    onNote(
      `${label}: the join is not on a unique key; where source rows disagree, the row is an orphan`,
    );
}

/** Records the end of a run. This commit waits for the disk, and so do all earlier ones with it. */
async function recordEnd(session: Session, name: string, state: string, counts: RowCounts) {
  await session.query(
    `UPDATE dbops.backfills SET state = $2, account = $3, finished_at = now(), waits_for = NULL,
            active_ms = active_ms + least(5000, 1000 * extract(epoch FROM clock_timestamp() - heartbeat_at)),
            heartbeat_at = clock_timestamp() WHERE name = $1`,
    [name, state === 'failed' ? 'incomplete' : state, JSON.stringify(counts)],
  );
  return readRecord(session, name);
}

async function setState(session: Session, name: string, state: string): Promise<void> {
  await session.query(
    'UPDATE dbops.backfills SET state = $2, waits_for = NULL, heartbeat_at = clock_timestamp() WHERE name = $1',
    [name, state],
  );
}

async function stopped(session: Session, name: string) {
  const record = await readRecord(session, name).catch(() => undefined);
  return interrupted(
    `Interrupted between two batches; ${formatCount(record?.changed ?? 0)} filled rows remain committed.`,
    `Resume: dbops backfill run ${shellWord(name)}`,
  );
}

function lost(name: string, cause: unknown): DbopsError {
  return new DbopsError({
    code: 'BACKFILL.CONNECTION_LOST',
    exitCode: exitCodes.unreachable,
    message: 'The connection to the database was lost; committed batches remain.',
    reason: [messageOf(cause)],
    hint: `When the server is reachable (dbops doctor), resume: dbops backfill run ${shellWord(name)}`,
    cause,
  });
}

function workDone({ previous }: RunPlan): string {
  const { fraction = 0, changed = 0 } = previous ?? {};
  return `${Math.floor(fraction * 100)} % of the pages, ${formatCount(changed)} rows`;
}

function withTables(quarantine: readonly Quarantined[], subjects: readonly Subject[]) {
  return quarantine.map((row) => ({ ...row, table: subjects[row.target]?.label ?? row.relation }));
}
