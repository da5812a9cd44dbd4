import type { Wanted } from '../shadow/replay-cache-key.ts';
import { codeOf } from '../db/connection-error.ts';
import { activitiesWhere, describeActivity } from '../db/lock.ts';
import { quoteLiteral } from '../db/quote.ts';
import { refusal } from '../db/refusal.ts';
import { ScriptError, transaction, type Session } from '../db/session.ts';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder, Prospect, Tracking, TrackingRow } from '../formats/format.ts';
import { serverSays } from '../sql/error-position.ts';
import { confirmVerdicts } from './confirm.ts';
import { judgeAgain, type Diagnosis } from './diagnose.ts';
import type { Action } from './action.ts';
import type { Plan } from './plan.ts';
import { isSame, readLive, readRows, type Live } from './read.ts';
import type { TrackedRow } from './rows.ts';
import { sqlOf } from './sql.ts';
import { asideIn, exactly, imageOf, writeUndo } from './undo-record.ts';

/** What was written. */
export interface Repaired {
  /** Of the undo record. */
  undo: string;
  /** What the tool will do with the rows as they are now. */
  prospect: Prospect;
}

/** What is done to the database itself before the rows, such as the rest of a half-run file. */
export type Before = (session: Session) => Promise<void>;

interface Work {
  folder: Folder;
  wanted: Wanted;
  plan: Plan;
  /** What the plan rests on. */
  diagnosis: Diagnosis;
  /** Milliseconds to wait for whoever uses the table. */
  lockTimeout: number;
  before?: Before | undefined;
}

/**
 * Writes a plan in one transaction, in which the evidence is read again before, and judged again
 * after: if the database has changed, or the new rows do not agree with it, nothing is written.
 *
 * @throws DbopsError; nothing is changed then
 */
export async function applyRepair(session: Session, work: Work): Promise<Repaired> {
  const { folder, plan, lockTimeout, diagnosis } = work;
  const { tracking, migrations } = folder;
  const form = tracking.rows;
  try {
    return await transaction(session, async () => {
      await session.script(`SET LOCAL lock_timeout = ${lockTimeout}`);
      if (diagnosis.live.rows)
        await session.script(`LOCK TABLE ${form.table} IN SHARE ROW EXCLUSIVE MODE`);
      await refuseChanged(session, work);
      const { undo, rows } = await writeRows(session, tracking, {
        actions: plan.actions,
        rows: diagnosis.live.rows ?? [],
        before: work.before,
        confirm: (written) => confirm(session, work, written),
      });
      const prospect = form.next(
        rows.map(({ columns }) => columns),
        migrations,
      );
      return { undo, prospect };
    });
  } catch (error) {
    throw await explained(error, session, tracking);
  }
}

/** Changes of a tracking table. */
export interface RowChanges {
  actions: readonly Action[];
  /** The rows as they are. */
  rows: readonly TrackedRow[];
  before?: Before | undefined;
  /** Called with the rows that were written. */
  confirm?: (rows: readonly TrackedRow[]) => Promise<void>;
}

/**
 * Writes changes in the caller's transaction, with a record to undo them.
 *
 * @returns the id of the record, and the rows as they are then
 */
export async function writeRows(
  session: Session,
  tracking: Tracking,
  { actions, rows: known, before: run, confirm: check }: RowChanges,
): Promise<{ undo: string; rows: readonly TrackedRow[] }> {
  const form = tracking.rows;
  const look = () => exactly(session, () => imageOf(session, form.table));
  const before = await look();
  await run?.(session);
  await session.script(tracking.create);
  const { prepare } = tracking;
  const [prepared = {}] = prepare ? await session.query<TrackingRow>(prepare) : [];
  for (const sql of sqlOf({ actions }, tracking, known, prepared)) await session.script(sql);
  const rows = (await readRows(session, form)) ?? [];
  await check?.(rows);
  const { rows: after } = await look();
  const undo = await writeUndo(session, tracking, { before, after });
  return { undo, rows };
}

/** Judges the rows as they are now, and the catalog where statements have changed it. */
async function confirm(
  session: Session,
  { folder, wanted, diagnosis, plan, before }: Work,
  rows: readonly TrackedRow[],
): Promise<void> {
  const { live, judgements } = diagnosis;
  const now = before ? await readWithin(session, folder, live) : live;
  const { judgements: after } = await judgeAgain(diagnosis, { folder, wanted }, { ...now, rows });
  confirmVerdicts(plan, judgements, after);
}

function readWithin(session: Session, folder: Folder, { surroundings }: Live): Promise<Live> {
  const { scope } = surroundings;
  return asideIn(session, () => readLive(session, folder, { scope, inTransaction: true }));
}

async function refuseChanged(session: Session, { folder, diagnosis }: Work): Promise<void> {
  if (isSame(diagnosis.live, await readWithin(session, folder, diagnosis.live))) return;
  throw new DbopsError({
    code: 'REPAIR.CHANGED',
    exitCode: exitCodes.desynchronised,
    message:
      'The schema or the tracking table changed while it was being compared; nothing was written.',
    hint: 'Run the command again when no other migration is running: dbops repair-tracking',
  });
}

/** Called after the rollback. */
export async function explained(
  error: unknown,
  session: Session,
  { table, rows: form }: Tracking,
): Promise<unknown> {
  const cause = error instanceof ScriptError ? error.cause : error;
  if (cause instanceof DbopsError) return cause;
  const refused = refusal(cause, session.target, table);
  if (refused) return refused;
  const code = codeOf(cause);
  if (!isSqlState(code)) return cause;
  if (code === sqlstate.lockNotAvailable) {
    const holders = await activitiesWhere(
      session,
      `a.pid IN (SELECT pid FROM pg_locks WHERE granted AND pid <> pg_backend_pid()
        AND relation = to_regclass(${quoteLiteral(form.table)}))`,
    );
    return new DbopsError({
      code: 'LOCK.TABLE',
      exitCode: exitCodes.locked,
      message: `${table} is in use: timed out waiting for its lock. Nothing was changed.`,
      reason: holders.map(describeActivity),
      hint: 'Run the command again when those sessions have finished, or wait longer: --lock-timeout 30s',
      cause,
    });
  }
  return new DbopsError({
    code: 'REPAIR.FAILED',
    exitCode: exitCodes.failed,
    message: `${table} could not be changed; the transaction was rolled back.`,
    reason: serverSays(cause),
    hint: 'To see the statements: dbops repair-tracking --verbose',
    cause,
  });
}
