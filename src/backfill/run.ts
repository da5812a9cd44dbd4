import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { interrupted, usageError } from '../errors.ts';
import type { Backfill, BackfillTarget } from './definition.ts';
import { account, fillBatch, orphanSamples } from './sql.ts';

/** total = right + changed + open + mismatched. */
export interface BackfillAccount {
  total: number;
  /** Rows that had the right value before. */
  right: number;
  changed: number;
  /** Rows still empty: orphans, and with `write: false` also those that could be filled. */
  open: number;
  orphans: number;
  /** Rows whose value contradicts the source; never changed. */
  mismatched: number;
  batches: number;
  durationMs: number;
  /** Some orphans, in words. */
  samples: string[];
}

export interface BackfillOptions {
  /** `false` only counts. */
  write: boolean;
  signal: AbortSignal;
  onProgress: (line: string) => void;
  batchSize?: number;
}

interface Counts {
  total: number;
  right: number;
  fillable: number;
  orphans: number;
  mismatched: number;
}

/**
 * Fills every target in batches, each in a transaction of its own; rows that have a value are left
 * alone, so it can be run any number of times.
 *
 * @throws usage error when a table or column is not there yet, 130 between batches when interrupted
 */
export async function runBackfill(
  session: Session,
  backfill: Backfill,
  options: BackfillOptions,
): Promise<BackfillAccount> {
  const started = performance.now();
  const sum: BackfillAccount = {
    total: 0,
    right: 0,
    changed: 0,
    open: 0,
    orphans: 0,
    mismatched: 0,
    batches: 0,
    durationMs: 0,
    samples: [],
  };
  for (const target of backfill.targets) {
    const before = await count(session, target);
    const { changed, batches } = options.write
      ? await fill(session, target, before.fillable, options)
      : { changed: 0, batches: 0 };
    const after = options.write ? await count(session, target) : before;
    sum.total += after.total;
    sum.changed += changed;
    sum.right += after.right - changed;
    sum.open += after.orphans + after.fillable;
    sum.orphans += after.orphans;
    sum.mismatched += after.mismatched;
    sum.batches += batches;
    if (after.orphans > 0) sum.samples.push(...(await describeOrphans(session, target)));
  }
  sum.durationMs = performance.now() - started;
  return sum;
}

async function fill(
  session: Session,
  target: BackfillTarget,
  fillable: number,
  { signal, onProgress, batchSize = 5_000 }: BackfillOptions,
) {
  const sql = fillBatch(target);
  let changed = 0;
  let batches = 0;
  for (let last: string | null = null; ;) {
    if (signal.aborted)
      throw interrupted(
        `Interrupted after ${changed} rows of ${target.table}, which stand.`,
        'Go on by running the same command again.',
      );
    const [batch]: { rows: number; last: string | null }[] = await session.query(sql, [
      last,
      batchSize,
    ]);
    if (!batch || batch.rows === 0) return { changed, batches };
    changed += batch.rows;
    batches += 1;
    last = batch.last;
    onProgress(`backfill ${target.table}.${target.column}  ${changed}/${fillable}`);
  }
}

async function count(session: Session, target: BackfillTarget): Promise<Counts> {
  try {
    const [row] = await session.query<Counts & Record<string, unknown>>(account(target));
    if (row) return row;
    throw new Error('count(*) returned no row');
  } catch (error) {
    const notThere = ['42P01', '42703']; // undefined_table, undefined_column
    if (!notThere.includes(codeOf(error))) throw error;
    throw usageError(
      'BACKFILL.NO_COLUMN',
      `${target.table}.${target.column} can not be filled yet: ${error instanceof Error ? error.message : ''}.`,
      'Apply the migration that adds it first: dbops migrate up --to NAME',
    );
  }
}

async function describeOrphans(
  session: Session,
  { table, key, reference, source, ...target }: BackfillTarget,
): Promise<string[]> {
  const rows = await session.query<{ key: string; reference: string | null }>(
    orphanSamples({ table, key, reference, source, ...target }),
  );
  return rows.map(
    (row) =>
      `${table} ${row.key}: its ${source.table} ${row.reference ?? '(none)'} has no ${source.value}`,
  );
}
