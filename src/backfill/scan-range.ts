import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { isOfRow, runBatch, type Batch, type Workplace } from './batch.ts';
import { candidates, nameOfRow } from './sql.ts';
import type { Step } from './store.ts';
import { dealOut, type Range, type Strategy } from './strategy.ts';
import type { Relation, Subject } from './resolve-target.ts';
import type { Throttle } from './throttle.ts';

/** One range of a table, and everything that its walk needs. */
export interface Walk {
  range: Range;
  subject: Subject;
  relation: Relation;
  place: Workplace;
  throttle: Throttle;
  /** Pages that are read at once. */
  window: number;
  strategy: () => Promise<Strategy>;
  /** The walk is at this page, or has come past so many rows. */
  onProgress: (next: number) => void;
}

/** A table was rewritten while it was walked: places in it mean nothing any more. */
export class Rewritten extends Error {}

/**
 * Walks a range to its end, batch by batch, or until the signal.
 *
 * @throws Rewritten
 */
export async function walk(walking: Walk): Promise<void> {
  return walking.range.naming === 'ctid' ? walkPages(walking) : walkKeys(walking);
}

async function walkPages(walking: Walk): Promise<void> {
  const { range, relation, place, window, onProgress } = walking;
  while (range.next < range.end && !place.signal.aborted) {
    const end = Math.min(range.end, range.next + window);
    const { filenode, ids } = await readWindow(walking, range.next, end);
    if (filenode !== relation.filenode) throw new Rewritten();
    const { isStriped } = await walking.strategy();
    const stripes = isStriped ? dealOut(ids, end - range.next) : [ids];
    const last = { next: end, isDone: end >= range.end };
    const isEnded = await changeAll(walking, stripes, { last, isStriped });
    if (!isEnded) return;
    range.next = end;
    onProgress(end);
  }
}

/** A window's rows that have to be looked at, in physical order. */
async function readWindow({ subject, relation, place }: Walk, from: number, to: number) {
  const { alias } = subject;
  const read = (condition: string) =>
    underUserPath<{ filenode: number; ids: string }>(
      place.session,
      `SELECT pg_catalog.pg_relation_filenode(${relation.oid}::pg_catalog.oid)::bigint::pg_catalog.float8 AS filenode,
              ARRAY(SELECT ${alias}.ctid FROM ONLY ${relation.name} AS ${alias}
                     WHERE ${alias}.ctid OPERATOR(pg_catalog.>=) '(${from},0)'
                       AND ${alias}.ctid OPERATOR(pg_catalog.<) '(${to},0)' AND ${condition})::pg_catalog.text AS ids`,
    );
  const [row] = await read(candidates(subject, place.purpose)).catch((error: unknown) => {
    if (!isOfRow(error)) throw error;
    return read('true'); // a condition that fails on a row is met again where rows are told apart
  });
  return { filenode: row?.filenode ?? 0, ids: row?.ids.match(/\(\d+,\d+\)/g) ?? [] };
}

/** @returns false when it was interrupted */
async function changeAll(
  walking: Walk,
  groups: readonly (readonly string[])[],
  { last, isStriped }: { last: Omit<Step, 'range'>; isStriped: boolean },
): Promise<boolean> {
  const { range, subject, relation, place, throttle } = walking;
  const naming = range.naming;
  const remaining = groups.filter((group) => group.length > 0);
  if (remaining.length === 0) remaining.push([]);
  for (const [at, group] of remaining.entries()) {
    for (let from = 0; from < Math.max(1, group.length);) {
      if (place.signal.aborted) return false;
      const ids = group.slice(from, from + place.pace.size());
      from += Math.max(1, ids.length);
      const isLast = at === remaining.length - 1 && from >= group.length;
      const batch: Batch = {
        subject,
        target: range.target,
        relation,
        rows: { naming, ids },
        isStripe: isStriped && groups.length > 1,
        step: { range: range.id, ...(isLast && last) },
      };
      const started = performance.now();
      await runBatch(batch, place);
      if (throttle.isInTheWay()) place.pace.tooLong(ids.length);
      if (ids.length > 0)
        await throttle.pass({ rows: ids.length, milliseconds: performance.now() - started });
    }
  }
  return true;
}

/** Rows that are read at once by key. */
const keysAtOnce = 20_000;

async function walkKeys(walking: Walk): Promise<void> {
  const { range, place, onProgress } = walking;
  let seen = 0;
  while (!place.signal.aborted) {
    const { ids, last } = await readKeys(walking, place.session);
    const isDone = last === null;
    const step = { isDone, ...(last !== null && { position: last }) };
    const isEnded = await changeAll(walking, [ids], { last: step, isStriped: false });
    if (!isEnded || isDone) return;
    range.position = last;
    onProgress((seen += keysAtOnce));
  }
}

/** The next rows in the order of the key that have to be looked at, and the last key that was seen. */
async function readKeys({ subject, relation, place, range }: Walk, session: Session) {
  const { alias, key } = subject;
  const columns = key.map(({ name }) => `${alias}.${quoteIdentifier(name)}`).join(', ');
  const after = key.map(({ type }, at) => `(p.key OPERATOR(pg_catalog.->>) ${at})::${type}`);
  const last = quoteLiteral(range.position ?? '[]');
  const from =
    range.position === null
      ? 'true'
      : `(${columns}) ${key[0]?.exceeds} (SELECT ${after.join(', ')} FROM (SELECT ${last}::pg_catalog.jsonb AS key) AS p)`;
  const rows = await underUserPath<{ id: string; wanted: boolean }>(
    session,
    `SELECT ${nameOfRow(subject, 'key')} AS id, (${candidates(subject, place.purpose)}) AS wanted
       FROM ONLY ${relation.name} AS ${alias} WHERE ${from} ORDER BY ${columns} LIMIT ${keysAtOnce}`,
  );
  return {
    ids: rows.filter(({ wanted }) => wanted).map(({ id }) => id),
    last: rows.at(-1)?.id ?? null,
  };
}
