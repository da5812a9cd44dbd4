import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteLiteral } from '../db/quote.ts';
import { hidesRows, readAllRows } from '../db/row-security.ts';
import { toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { BatchSizer } from './batch-size.ts';
import { among, fillRows, nameOfRow, prunePages, type Purpose, type Rows } from './sql.ts';
import { moveCheckpoint, quarantine, sweepRange, type BackfillCheckpoint } from './store.ts';
import { readDefined } from './read-defined.ts';
import type { Relation } from './read-table.ts';
import type { Subject } from './resolve-target.ts';
import { shellWord } from '../output/shell.ts';

/** Runs batches on one session. */
export interface Worker {
  name: string;
  session: Session;
  sizer: BatchSizer;
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
  /** Total milliseconds to wait for a table lock. */
  patience: number;
  /** Identifies the transaction behind a pooler. */
  application: string;
}

/** Rows of one table that one transaction changes, together with the checkpoint. */
export interface Batch {
  subject: Subject;
  /** Its index in the definition. */
  target: number;
  relation: Relation;
  rows: Rows;
  /** The rows are a stripe of a window, in physical order. */
  isStripe?: boolean;
  checkpoint: BackfillCheckpoint;
}

const contended = new Set<string>([
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.serializationFailure,
]);
/**
 * Changes the rows of a batch. A batch that fails is split until the failing rows are found; they are
 * quarantined and the others changed.
 *
 * Lock waits are short and the batch ends before deadlock_timeout, so that in a deadlock with the
 * application the backfill is cancelled, not the application.
 *
 * @returns the number of changed rows
 * @throws DbopsError for a failure that no single row causes
 */
export async function runBatch(batch: Batch, worker: Worker): Promise<number> {
  const { rows } = batch;
  if (rows.ids.length === 0) return move(batch, worker);
  const started = performance.now();
  try {
    const changed = await attempt(batch, worker);
    worker.sizer.took(rows.ids.length, performance.now() - started);
    worker.onBatch(changed);
    return changed;
  } catch (error) {
    if (worker.signal.aborted || isConnectionLoss(error)) throw error;
    const isContended = contended.has(codeOf(error));
    if (codeOf(error) === sqlstate.queryCanceled) worker.sizer.halve(rows.ids.length);
    else if (!isContended && !isRowError(error)) throw stopped(error, worker);
    if (rows.ids.length > 1) return runHalves(batch, worker);
    // A locked row is left for the final sweep.
    return isContended ? move(batch, worker) : quarantineRow(batch, worker, error);
  }
}

async function attempt(batch: Batch, worker: Worker): Promise<number> {
  const deadline = Date.now() + worker.limits.patience;
  for (let skipsLocked = false; ; skipsLocked = true)
    try {
      return await send(batch, worker, skipsLocked);
    } catch (error) {
      if (!contended.has(codeOf(error)) || worker.signal.aborted) throw error;
      if (!skipsLocked) continue;
      if (await isFree(batch, worker)) throw error; // a referenced row is locked, not the table
      if (Date.now() > deadline) throw tableLocked(batch, error);
      await sleep(200, undefined, { signal: worker.signal });
    }
}

async function isFree({ relation }: Batch, { session }: Worker): Promise<boolean> {
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
    message: `Timed out waiting for a lock on ${relation.name}; earlier batches remain committed.`,
    hint: 'Run the command again, or increase --wait.',
    cause,
  });
}

/** Sends the batch as one message, so that the server never waits for the client while it holds locks. */
async function send(batch: Batch, worker: Worker, skipLocked: boolean): Promise<number> {
  const { subject, relation, rows, checkpoint } = batch;
  const { session, name, purpose } = worker;
  const update = fillRows(subject, relation, rows, { purpose, skipLocked });
  const sql = [
    ...beginning(batch, worker),
    moveCheckpoint(name, checkpoint, update),
    'COMMIT',
  ].join('; ');
  try {
    return changedIn(await session.client.query(sql));
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    throw error;
  }
}

/**
 * Returns the statements that start a batch. Its commit is asynchronous: it can only be lost together
 * with its checkpoint, and the last commit of the run waits for the disk. With low page costs, and
 * without hash and merge joins for a large source, the planner looks up single rows; hashing the source
 * for every batch would take longer than the batch.
 */
function beginning({ subject, relation, rows, isStripe }: Batch, { limits }: Worker): string[] {
  // A single row cannot be split, so it has no time limit.
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
    readAllRows,
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

/** Moves the checkpoint without changing rows. Inside a window there is nothing to move. */
async function move({ checkpoint }: Batch, { session, name }: Worker): Promise<number> {
  const { range, ...moves } = checkpoint;
  if (range !== sweepRange && Object.keys(moves).length > 0)
    await session.script(moveCheckpoint(name, checkpoint, undefined));
  return 0;
}

/** Runs both halves of a batch; the checkpoint moves with the second. */
async function runHalves(batch: Batch, worker: Worker): Promise<number> {
  const { rows, checkpoint } = batch;
  const half = Math.ceil(rows.ids.length / 2);
  const part = (ids: readonly string[], to: BackfillCheckpoint): Batch => ({
    ...batch,
    rows: { ...rows, ids },
    checkpoint: to,
  });
  const first = await runBatch(part(rows.ids.slice(0, half), { range: checkpoint.range }), worker);
  return first + (await runBatch(part(rows.ids.slice(half), checkpoint), worker));
}

async function quarantineRow(batch: Batch, worker: Worker, error: unknown): Promise<number> {
  const { subject, target, relation, rows } = batch;
  const naming = subject.key.length > 0 ? 'key' : 'ctid';
  const [row] = await readDefined<{ id: string }>(
    worker.session,
    `SELECT ${nameOfRow(subject, naming)} AS id FROM ONLY ${relation.name} AS ${subject.alias} WHERE ${among(subject, rows)}`,
  );
  if (row) {
    await quarantine(worker.session, worker.name, {
      target,
      relation: relation.name,
      id: row.id,
      sqlstate: codeOf(error),
      error: messageOf(error),
    });
    worker.onFailure(subject.label, row.id, error);
  }
  return move(batch, worker);
}

/**
 * Returns whether a row, its value or a trigger caused the error, rather than the server, its disk or
 * its memory. The class of the SQLSTATE decides (server manual, "PostgreSQL Error Codes").
 */
export function isRowError(error: unknown): boolean {
  return (
    /^(?:0[9AL]|2[0-7BF]|3[89]|42|44|54|55000|P0|HV|U)/.test(codeOf(error)) &&
    codeOf(error) !== sqlstate.readOnlySqlTransaction &&
    !hidesRows(error)
  );
}

function stopped(error: unknown, { name }: Worker): unknown {
  const code = codeOf(error);
  if (error instanceof DbopsError || code === '' || code === sqlstate.insufficientPrivilege)
    return error;
  const isFull = code === sqlstate.diskFull;
  return new DbopsError({
    code: isFull ? 'BACKFILL.DISK_FULL' : 'BACKFILL.STOPPED',
    exitCode: exitCodes.failed,
    message: isFull
      ? 'The disk of the database is full. The batch was rolled back; earlier batches remain committed.'
      : 'The server failed. The batch was rolled back; earlier batches remain committed.',
    reason: [`SQLSTATE ${code}: ${messageOf(error)}`],
    hint: `${isFull ? 'Free disk space' : 'Check the server log'}, then resume: dbops backfill run ${shellWord(name)}`,
    cause: error,
  });
}
