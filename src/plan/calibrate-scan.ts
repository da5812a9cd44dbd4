import { quoteName } from '../db/quote.ts';
import { readOnly, type Session } from '../db/session.ts';
import type { TableSizes } from './live-facts.ts';

/** A smaller table is read in less time than the clock can tell apart. */
const leastPages = 100;
/** 31 MB. The embedded engine ignores statement_timeout, so that it reads less. */
const mostPages = { postgres: 4_000, pglite: 1_000 };
/** How many tables are tried, the largest first, before the speed stays unknown. */
const attempts = 3;

interface Scan extends Record<string, unknown> {
  milliseconds: number;
  bytes: number;
}

/**
 * Measures how fast the server reads rows that are in its cache: milliseconds for one megabyte of a table. Reads at
 * most the first 4,000 pages of the largest of the tables, twice and for at most two seconds each, in a read-only
 * transaction. The speed of the disk is not measured.
 *
 * @returns undefined where no table is large enough, and where none of the largest can be read: the role may
 *   not, a policy hides rows, the table is locked or the server is too slow
 */
export async function calibrateScan(
  session: Session,
  tables: readonly TableSizes[],
): Promise<number | undefined> {
  const largest = tables
    .filter(({ kind }) => kind !== 'partitioned table')
    .toSorted((a, b) => b.heapBytes - a.heapBytes)
    .slice(0, attempts);
  for (const table of largest) {
    const scan = await measureScan(session, table).catch(() => undefined);
    if (scan) return scan.milliseconds / (scan.bytes / 2 ** 20);
  }
  return undefined;
}

async function measureScan(session: Session, table: TableSizes): Promise<Scan | undefined> {
  const pages = mostPages[session.server.kind];
  const name = quoteName(table);
  const [scan] = await readOnly(session, async () => {
    await session.script(
      `SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '200ms'; SET LOCAL jit = off`,
    );
    // The server measures, so that the way to it does not count. The range of TIDs bounds what is read. The server
    // does not read a table whose count nothing uses.
    const read = () =>
      session.query<Scan>(
        `SELECT counted.rows, extract(epoch FROM clock_timestamp() - statement_timestamp())::float8 * 1000 AS milliseconds,
          least(bytes, ${pages} * block) AS bytes
        FROM (SELECT count(*)::float8 AS rows FROM ${name} WHERE ctid >= '(0,0)' AND ctid < '(${pages},0)') counted,
          (SELECT pg_relation_size($1::regclass)::float8 AS bytes,
            current_setting('block_size')::float8 AS block) size
        WHERE bytes >= ${leastPages} * block`,
        [name],
      );
    // The first scan maps the buffers into the memory of a new server process, which takes ten times as long as
    // to read them; a scan of a whole large table uses a ring of few buffers.
    const first = await read();
    if ((first[0]?.milliseconds ?? Infinity) > slowScan) return read();
    const scans = [await read(), await read(), await read()].flat();
    return scans.toSorted((a, b) => a.milliseconds - b.milliseconds);
  });
  return scan;
}

/** Milliseconds. A scan that takes longer is read once more, a faster one three times: other load only slows it. */
const slowScan = 250;
