import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, interrupted, messageOf, usageError } from '../errors.ts';
import { describeRows, takeAccount, type Account } from './row-counts.ts';
import { begin, type Beginning } from './start-or-resume.ts';
import type { Backfill } from './definition.ts';
import { fill, type Filling } from './workers.ts';
import { finish } from './final-sweep.ts';
import { withLease } from './lease.ts';
import type { BackfillOptions } from './options.ts';
import { anyTrigger, ensureTriggers, removeTriggers, type LockLimits } from './trigger-install.ts';
import { probeCondition } from './server-load.ts';
import { readControl, readQuarantine, type Quarantined } from './store.ts';
import { subjectOf, type Subject } from './resolve-target.ts';
import { grouped } from './progress-line.ts';

/** What a run did, and what the table is like after it. */
export interface BackfillResult {
  state: 'complete' | 'incomplete' | 'failed';
  account: Account;
  /** Rows that were changed since the backfill was begun, also by runs that were cut off. */
  changed: number;
  batches: number;
  /** Milliseconds of work, over all of those runs. */
  durationMs: number;
  /** Of which for the proof at the end. */
  proofMs: number;
  /** Some rows of each kind, in words. */
  samples: { orphans: string[]; mismatched: string[] };
  quarantine: (Quarantined & { table: string })[];
  /** Triggers keep the column filled. */
  hasTrigger: boolean;
}

type OfOrphans = Pick<BackfillOptions, 'orphans'>;

/**
 * Looks at every row and changes none.
 *
 * @throws usage error when a table or column is not there yet, or does not fit
 */
export async function inspectBackfill(
  session: Session,
  backfill: Backfill,
  options: OfOrphans,
): Promise<BackfillResult> {
  const started = performance.now();
  const subjects = await subjectsOf(session, backfill, options);
  const known = await readControl(session, backfill.name);
  const quarantine = known ? await readQuarantine(session, backfill.name) : [];
  const { sum, byTarget } = await takeAccount(session, subjects, quarantine);
  const durationMs = performance.now() - started;
  return {
    state: isComplete(sum, options) ? 'complete' : 'incomplete',
    account: sum,
    changed: 0,
    batches: 0,
    durationMs,
    proofMs: durationMs,
    samples: await describeRows(session, subjects, { byTarget }, quarantine),
    quarantine: named(quarantine, subjects),
    hasTrigger: await anyTrigger(session, subjects),
  };
}

/**
 * Fills every target in batches, each in a transaction of its own together with its checkpoint, and
 * proves at the end that nothing is left. A run that was cut off goes on where it stopped.
 *
 * @throws usage error where it can't be begun, code 7 while another run is at it, 130 between two
 *   batches when interrupted
 */
export async function runBackfill(
  session: Session,
  backfill: Backfill,
  options: BackfillOptions,
): Promise<BackfillResult> {
  const subjects = await subjectsOf(session, backfill, options);
  await probeCondition(session, options.limits);
  for (const subject of subjects) tellOf(subject, options);
  return withLease(session, backfill.name, options, (locks) =>
    fillAll({ session, backfill, subjects, options, isPooled: locks.isPooled }, locks),
  );
}

async function fillAll(
  work: Omit<Filling, 'beginning'>,
  locks: AdvisoryLocks,
): Promise<BackfillResult> {
  const { session, backfill, subjects, options } = work;
  const beginning = await begin(session, backfill, subjects, options);
  if (beginning.goesOn) options.onNote(`goes on where it stopped (${workDone(beginning)})`);
  try {
    if (options.trigger) await ensureTriggers(work);
    const filled = await fill({ ...work, beginning });
    await locks.check();
    const { account, byTarget, quarantine, proofMs } = await finish(filled, work);
    const state =
      account.quarantined > 0 ? 'failed' : isComplete(account, options) ? 'complete' : 'incomplete';
    if (options.removeTrigger) await removeTriggers(session, subjects, options);
    const control = await end(session, backfill.name, state, account);
    return {
      state,
      account,
      changed: control?.changed ?? 0,
      batches: control?.batches ?? 0,
      durationMs: control?.activeMs ?? 0,
      proofMs,
      samples: await describeRows(session, subjects, { byTarget }, quarantine),
      quarantine: named(quarantine, subjects),
      hasTrigger: await anyTrigger(session, subjects),
    };
  } catch (error) {
    const state = options.signal.aborted ? 'interrupted' : 'failed';
    await setState(session, backfill.name, state).catch(() => {});
    if (options.signal.aborted) throw await stopped(session, backfill.name);
    throw isConnectionLoss(error) ? lost(backfill.name, error) : error;
  }
}

function isComplete(
  { open, orphans, mismatched, quarantined }: Account,
  { orphans: of }: OfOrphans,
) {
  const left = open + mismatched + quarantined + (of.policy === 'skip' ? 0 : orphans);
  return left === 0;
}

async function subjectsOf(
  session: Session,
  { targets }: Backfill,
  { orphans }: OfOrphans,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const target of targets) {
    const subject = await subjectOf(session, target);
    if (orphans.policy === 'set')
      subject.orphanValue = await literalOf(session, subject, orphans.value);
    subjects.push(subject);
  }
  return subjects;
}

/** @throws usage error when it is no value of the column's type */
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
    const said = messageOf(error);
    throw usageError(
      'BACKFILL.ORPHANS',
      `--orphans set=${value} is no value for ${label}: ${said}.`,
      `Give a value of type ${type}, or leave them: --orphans skip`,
    );
  }
}

function tellOf(
  { label, column, triggers, doneBecause, from }: Subject,
  { onNote }: BackfillOptions,
) {
  if (triggers.length > 0)
    onNote(
      `${label}: triggers of the table fire for every row that is filled: ${triggers.join(', ')}`,
    );
  if (doneBecause)
    onNote(`${label}: rows that have a ${column} count as right, because ${doneBecause}`);
  if (from && !from.isUnique)
    onNote(
      `${label}: several rows may answer, as no unique key is joined; where they disagree, none is taken`,
    );
}

/** Takes the triggers of a backfill away that is over: its columns are enforced. */
export async function retireBackfill(
  session: Session,
  backfill: Backfill,
  options: LockLimits,
): Promise<void> {
  const subjects = await subjectsOf(session, backfill, { orphans: { policy: 'fail' } });
  await removeTriggers(session, subjects, options);
  await session.query('UPDATE dbops.backfills SET has_trigger = false WHERE name = $1', [
    backfill.name,
  ]);
}

/** This commit waits for the disk, and all the earlier ones with it. */
async function end(session: Session, name: string, state: string, account: Account) {
  await session.query(
    `UPDATE dbops.backfills SET state = $2, account = $3, finished_at = now(), waits_for = NULL,
            active_ms = active_ms + least(5000, 1000 * extract(epoch FROM clock_timestamp() - heartbeat_at)),
            heartbeat_at = clock_timestamp() WHERE name = $1`,
    [name, state === 'failed' ? 'incomplete' : state, JSON.stringify(account)],
  );
  return readControl(session, name);
}

async function setState(session: Session, name: string, state: string): Promise<void> {
  await session.query(
    'UPDATE dbops.backfills SET state = $2, waits_for = NULL, heartbeat_at = clock_timestamp() WHERE name = $1',
    [name, state],
  );
}

async function stopped(session: Session, name: string) {
  const control = await readControl(session, name).catch(() => undefined);
  return interrupted(
    `Interrupted between two batches; ${grouped(control?.changed ?? 0)} rows are filled and stand.`,
    `Go on where it stopped with: dbops backfill run ${name}`,
  );
}

function lost(name: string, cause: unknown): DbopsError {
  return new DbopsError({
    code: 'BACKFILL.CONNECTION_LOST',
    exitCode: exitCodes.unreachable,
    message: 'The connection to the database was lost; every batch that was committed stands.',
    reason: [messageOf(cause)],
    hint: `When the server answers (dbops doctor), go on where it stopped: dbops backfill run ${name}`,
    cause,
  });
}

function workDone({ before }: Beginning): string {
  const { fraction = 0, changed = 0 } = before ?? {};
  return `${Math.floor(fraction * 100)} % of the pages, ${grouped(changed)} rows`;
}

function named(quarantine: readonly Quarantined[], subjects: readonly Subject[]) {
  return quarantine.map((row) => ({ ...row, table: subjects[row.target]?.label ?? row.relation }));
}
