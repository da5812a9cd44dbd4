import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteLiteral } from '../db/quote.ts';
import { toUserPath, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Pace } from './batch-size.ts';
import { among, fillRows, nameOfRow, prunePages, type Purpose, type Rows } from './sql.ts';
import { moveCheckpoint, quarantine, sweepRange, type Step } from './store.ts';
import type { Relation, Subject } from './resolve-target.ts';

/** Where batches are run, and what becomes of them. */
export interface Workplace {
  name: string;
  session: Session;
  pace: Pace;
  purpose: Purpose;
  limits: BatchLimits;
  signal: AbortSignal;
  /** @throws DbopsError when too many rows have failed */
  onFailure: (label: string, id: string, error: unknown) => void;
  onBatch: (changed: number) => void;
}

export interface BatchLimits {
  /** Milliseconds. */
  lock: number;
  statement: number;
  /** For the lock of a table that somebody has for longer. */
  patience: number;
  /** Behind a pooler the name tells whose transaction it is. */
  application: string;
}

/** Rows of one table that are changed in one transaction, and where the checkpoint moves then. */
export interface Batch {
  subject: Subject;
  /** Its place in the definition. */
  target: number;
  relation: Relation;
  rows: Rows;
  /** They are a stripe of a window, in physical order. */
  isStripe?: boolean;
  step: Step;
}

const contended = new Set<string>([
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.serializationFailure,
]);
/**
 * Changes the rows of a batch. A batch that fails is split until the rows are found that fail; they
 * go to quarantine, and the rest is changed.
 *
 * It never waits long for a row while it holds others, and the whole of it ends sooner than the
 * server looks for deadlocks: of a circle with the application, this is the side that gives way.
 *
 * @returns rows that were changed
 * @throws DbopsError for a failure that is not one of a row
 */
export async function runBatch(batch: Batch, place: Workplace): Promise<number> {
  const { rows } = batch;
  if (rows.ids.length === 0) return move(batch, place);
  const started = performance.now();
  try {
    const changed = await attempt(batch, place);
    place.pace.took(rows.ids.length, performance.now() - started);
    place.onBatch(changed);
    return changed;
  } catch (error) {
    if (place.signal.aborted || isConnectionLoss(error)) throw error;
    const isContended = contended.has(codeOf(error));
    if (codeOf(error) === sqlstate.queryCanceled) place.pace.tooLong(rows.ids.length);
    else if (!isContended && !isOfRow(error)) throw stopped(error, place);
    if (rows.ids.length > 1) return halves(batch, place);
    // A row that somebody holds is left for the end.
    return isContended ? move(batch, place) : setAside(batch, place, error);
  }
}

async function attempt(batch: Batch, place: Workplace): Promise<number> {
  const deadline = Date.now() + place.limits.patience;
  for (let skipsLocked = false; ; skipsLocked = true)
    try {
      return await send(batch, place, skipsLocked);
    } catch (error) {
      if (!contended.has(codeOf(error)) || place.signal.aborted) throw error;
      if (!skipsLocked) continue;
      if (await isFree(batch, place)) throw error; // not the table: something that a row refers to
      if (Date.now() > deadline) throw tableLocked(batch, error);
      await sleep(200, undefined, { signal: place.signal });
    }
}

async function isFree({ relation }: Batch, { session }: Workplace): Promise<boolean> {
  const sql = `BEGIN; LOCK TABLE ONLY ${relation.name} IN ROW EXCLUSIVE MODE NOWAIT; ROLLBACK`;
  return session.script(sql).then(
    () => true,
    async () => {
      await session.script('ROLLBACK').catch(() => {});
      return false;
    },
  );
}

function tableLocked({ relation }: Batch, cause: unknown): DbopsError {
  return new DbopsError({
    code: 'LOCK.TABLE',
    exitCode: exitCodes.locked,
    message: `A lock on ${relation.name} was not had in time; what was filled before stands.`,
    hint: 'Run the command again when whoever has it is ready, or with a longer --wait.',
    cause,
  });
}

/** One message: the server never waits for us while it holds locks. */
async function send(batch: Batch, place: Workplace, skipLocked: boolean): Promise<number> {
  const { subject, relation, rows, step } = batch;
  const { session, name, purpose } = place;
  const update = fillRows(subject, relation, rows, { purpose, skipLocked });
  const sql = [...beginning(batch, place), moveCheckpoint(name, step, update), 'COMMIT'].join('; ');
  try {
    return changedIn(await session.client.query(sql));
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    throw error;
  }
}

/**
 * A commit that can be lost is lost together with its checkpoint; the run ends with one that waits
 * for the disk. Rows are looked up one by one, whatever the planner thinks of places on a disk, and
 * so is a source: to hash a large one anew for every batch would take longer than the batch.
 */
function beginning({ subject, relation, rows, isStripe }: Batch, { limits }: Workplace): string[] {
  // A single row takes as long as it takes.
  const statement = rows.ids.length > 1 ? limits.statement : 0;
  const { from } = subject;
  const isLarge = from?.isUnique && from.rows > 8 * rows.ids.length;
  return [
    'BEGIN',
    `SET LOCAL lock_timeout = ${limits.lock}`,
    `SET LOCAL statement_timeout = ${statement}`,
    'SET LOCAL synchronous_commit = off',
    `SET LOCAL application_name = ${quoteLiteral(limits.application)}`,
    'SET LOCAL seq_page_cost = 0.1',
    'SET LOCAL random_page_cost = 0.1',
    ...(isLarge ? ['SET LOCAL enable_hashjoin = off', 'SET LOCAL enable_mergejoin = off'] : []),
    toUserPath,
    ...(isStripe ? [prunePages(subject, relation, rows)] : []),
  ];
}

const results = z.array(
  z.object({ rows: z.array(z.looseObject({ changed: z.number().optional() })) }),
);

function changedIn(answer: unknown): number {
  const rows = results
    .parse(Array.isArray(answer) ? answer : [answer])
    .flatMap((each) => each.rows);
  return rows.find(({ changed }) => changed !== undefined)?.changed ?? 0;
}

/** The checkpoint alone, where a batch without rows moves it: not in the middle of a window. */
async function move({ step }: Batch, { session, name }: Workplace): Promise<number> {
  const { range, ...moves } = step;
  if (range !== sweepRange && Object.keys(moves).length > 0)
    await session.script(moveCheckpoint(name, step, undefined));
  return 0;
}

/** The checkpoint moves with the second half. */
async function halves(batch: Batch, place: Workplace): Promise<number> {
  const { rows, step } = batch;
  const half = Math.ceil(rows.ids.length / 2);
  const part = (ids: readonly string[], to: Step): Batch => ({
    ...batch,
    rows: { ...rows, ids },
    step: to,
  });
  const first = await runBatch(part(rows.ids.slice(0, half), { range: step.range }), place);
  return first + (await runBatch(part(rows.ids.slice(half), step), place));
}

async function setAside(batch: Batch, place: Workplace, error: unknown): Promise<number> {
  const { subject, target, relation, rows } = batch;
  const naming = subject.key.length > 0 ? 'key' : 'ctid';
  const [row] = await underUserPath<{ id: string }>(
    place.session,
    `SELECT ${nameOfRow(subject, naming)} AS id FROM ONLY ${relation.name} AS ${subject.alias} WHERE ${among(subject, rows)}`,
  );
  if (row) {
    await quarantine(place.session, place.name, {
      target,
      relation: relation.name,
      id: row.id,
      sqlstate: codeOf(error),
      error: messageOf(error),
    });
    place.onFailure(subject.label, row.id, error);
  }
  return move(batch, place);
}

/**
 * Classes of SQLSTATE (server manual, "PostgreSQL Error Codes") that are about a row, its value or
 * what a trigger thinks of it: not about the server, its disk or its memory.
 */
export function isOfRow(error: unknown): boolean {
  return (
    /^(?:0[9AL]|2[0-7BF]|3[89]|42|44|54|55000|P0|HV|U)/.test(codeOf(error)) &&
    codeOf(error) !== sqlstate.readOnlySqlTransaction
  );
}

function stopped(error: unknown, { name }: Workplace): unknown {
  const code = codeOf(error);
  if (error instanceof DbopsError || code === '' || code === sqlstate.insufficientPrivilege)
    return error;
  const isFull = code === sqlstate.diskFull;
  return new DbopsError({
    code: isFull ? 'BACKFILL.DISK_FULL' : 'BACKFILL.STOPPED',
    exitCode: exitCodes.failed,
    message: isFull
      ? 'The disk of the database is full. The batch was rolled back; what was filled before stands.'
      : 'The server could not go on. The batch was rolled back; what was filled before stands.',
    reason: [`SQLSTATE ${code}: ${messageOf(error)}`],
    hint: `${isFull ? 'Make room' : 'Look at the server’s log'}, then go on where it stopped: dbops backfill run ${name}`,
    cause: error,
  });
}
