import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { isRowError, runBatch, type Batch, type Worker } from './batch.ts';
import { candidates, nameOfRow } from './sql.ts';
import type { BackfillCheckpoint } from './store.ts';
import { dealOut, type ScanRange, type Strategy } from './strategy.ts';
import { readDefined } from './read-defined.ts';
import type { Relation } from './read-table.ts';
import type { Subject } from './resolve-target.ts';
import type { Throttle } from './throttle.ts';

/** One range of a table, and everything that its scan needs. */
export interface RangeScan {
  range: ScanRange;
  subject: Subject;
  relation: Relation;
  worker: Worker;
  throttle: Throttle;
  /** Pages read at a time. */
  window: number;
  strategy: () => Promise<Strategy>;
  /** Called with the next page; a fraction is a part of a window. */
  onProgress: (next: number) => void;
}

/** Thrown when a table was rewritten during its scan, which makes its ctids invalid. */
export class TableRewritten extends Error {}

/**
 * Scans a range to its end, batch by batch, or until the signal.
 *
 * @throws TableRewritten
 */
export async function scanRange(scan: RangeScan): Promise<void> {
  return scan.range.naming === 'ctid' ? scanPages(scan) : scanKeys(scan);
}

async function scanPages(scan: RangeScan): Promise<void> {
  const { range, relation, worker, window, onProgress } = scan;
  while (range.next < range.end && !worker.signal.aborted) {
    const end = Math.min(range.end, range.next + window);
    const { filenode, ids } = await readWindow(scan, range.next, end);
    if (filenode !== relation.filenode) throw new TableRewritten();
    const { isStriped } = await scan.strategy();
    const stripes = isStriped ? dealOut(ids, end - range.next) : [ids];
    const last = { next: end, position: '0', isDone: end >= range.end };
    const isEnded = await changeGroups(scan, stripes, { last, isStriped, pages: end - range.next });
    if (!isEnded) return;
    range.next = end;
    onProgress(end);
  }
}

/** Returns the candidate rows of a window, in physical order. */
async function readWindow({ subject, relation, worker }: RangeScan, from: number, to: number) {
  const { alias } = subject;
  const read = (condition: string) =>
    readDefined<{ filenode: number; ids: string }>(
      worker.session,
      `SELECT pg_catalog.pg_relation_filenode(${relation.oid}::pg_catalog.oid)::bigint::pg_catalog.float8 AS filenode,
              ARRAY(SELECT ${alias}.ctid FROM ONLY ${relation.name} AS ${alias}
                     WHERE ${alias}.ctid OPERATOR(pg_catalog.>=) '(${from},0)'
                       AND ${alias}.ctid OPERATOR(pg_catalog.<) '(${to},0)' AND ${condition})::pg_catalog.text AS ids`,
    );
  const [row] = await read(candidates(subject, worker.purpose)).catch((error: unknown) => {
    if (!isRowError(error)) throw error;
    return read('true'); // the condition fails on a row, which its own batch finds
  });
  return { filenode: row?.filenode ?? 0, ids: row?.ids.match(/\(\d+,\d+\)/g) ?? [] };
}

/** What is done before the checkpoint moves. */
interface Window {
  /** The checkpoint after it. */
  last: Omit<BackfillCheckpoint, 'range'>;
  isStriped: boolean;
  pages: number;
}

/** Changes groups of rows, in batches. @returns `false` when interrupted */
async function changeGroups(
  scan: RangeScan,
  groups: readonly (readonly string[])[],
  { last, isStriped, pages }: Window,
): Promise<boolean> {
  const { range, subject, relation, worker, throttle, onProgress } = scan;
  const naming = range.naming;
  const remaining = groups.filter((group) => group.length > 0);
  const total = remaining.reduce((sum, { length }) => sum + length, 0);
  let passed = 0;
  if (remaining.length === 0) remaining.push([]);
  for (const [at, group] of remaining.entries()) {
    for (let from = 0; from < Math.max(1, group.length);) {
      if (worker.signal.aborted) return false;
      const ids = group.slice(from, from + worker.sizer.size());
      from += Math.max(1, ids.length);
      const isLast = at === remaining.length - 1 && from >= group.length;
      passed += ids.length;
      const part = (pages * passed) / Math.max(1, total);
      const batch: Batch = {
        subject,
        target: range.target,
        relation,
        rows: { naming, ids },
        isStripe: isStriped && groups.length > 1,
        checkpoint: {
          range: range.id,
          ...(isLast ? last : naming === 'ctid' && { position: part.toFixed(2) }),
        },
      };
      const started = performance.now();
      onProgress(range.next + part);
      await runBatch(batch, worker);
      if (throttle.isBlockingOthers()) worker.sizer.halve(ids.length);
      if (ids.length > 0)
        await throttle.pass({ rows: ids.length, milliseconds: performance.now() - started });
    }
  }
  return true;
}

/** Rows read at a time by key. */
const keysAtOnce = 20_000;

async function scanKeys(scan: RangeScan): Promise<void> {
  const { range, relation, worker, onProgress } = scan;
  const pagesOfRows = (range.end - range.first) / Math.max(1, relation.rows);
  while (!worker.signal.aborted) {
    const { ids, last, read } = await readKeys(scan, worker.session);
    const isDone = last === null;
    // How many pages the rows take is an estimate: the last page is done when the last key is.
    const next = Math.max(
      range.next,
      Math.min(range.end - 1, Math.round(range.next + read * pagesOfRows)),
    );
    const checkpoint = isDone ? { isDone } : { next, position: last };
    const window = { last: checkpoint, isStriped: false, pages: next - range.next };
    const isEnded = await changeGroups(scan, [ids], window);
    if (!isEnded || isDone) return;
    range.position = last;
    range.next = next;
    onProgress(next);
  }
}

/** Returns the next candidate rows in key order, and the last key that was read. */
async function readKeys({ subject, relation, worker, range }: RangeScan, session: Session) {
  const { alias, key } = subject;
  const columns = key.map(({ name }) => `${alias}.${quoteIdentifier(name)}`).join(', ');
  const after = key.map(({ type }, at) => `(p.key OPERATOR(pg_catalog.->>) ${at})::${type}`);
  const last = quoteLiteral(range.position ?? '[]');
  const from =
    range.position === null
      ? 'true'
      : `(${columns}) ${key[0]?.exceeds} (SELECT ${after.join(', ')} FROM (SELECT ${last}::pg_catalog.jsonb AS key) AS p)`;
  const rows = await readDefined<{ id: string; wanted: boolean }>(
    session,
    `SELECT ${nameOfRow(subject, 'key')} AS id, (${candidates(subject, worker.purpose)}) AS wanted
       FROM ONLY ${relation.name} AS ${alias} WHERE ${from} ORDER BY ${columns} LIMIT ${keysAtOnce}`,
  );
  return {
    ids: rows.filter(({ wanted }) => wanted).map(({ id }) => id),
    last: rows.at(-1)?.id ?? null,
    read: rows.length,
  };
}
