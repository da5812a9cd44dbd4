// What a stripe costs the server, by the statements alone: without dbops, and without an application
// beside. Run with `node bench/backfill-stripes.ts`; `--only NAME` for one of the ways.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { dealOut } from '../src/backfill/strategy.ts';
import { shopOf } from './backfill-shop.ts';
import { onNewServer } from './server.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
  },
});

type Way = (client: pg.Client, pages: number) => Promise<void>;
type Deal = (ids: readonly string[], pages: number) => readonly (readonly string[])[];

const windowPages = 2_048;
const restated = ', customer_id = purchases.customer_id, content_id = purchases.content_id';

const update = (also = '') =>
  `UPDATE ONLY purchases SET organization_id = content.organization_id${also} FROM content
    WHERE content.id = purchases.content_id AND purchases.organization_id IS NULL`;

/** A stripe is a transaction that does not wait for the disk, and looks the source up row by row. */
const stripe = (...statements: string[]) =>
  [
    'BEGIN',
    'SET LOCAL synchronous_commit = off',
    'SET LOCAL enable_hashjoin = off',
    'SET LOCAL enable_mergejoin = off',
    'SET LOCAL seq_page_cost = 0.1',
    'SET LOCAL random_page_cost = 0.1',
    ...statements,
    'COMMIT',
  ].join('; ');

async function eachWindow(pages: number, work: (range: string, pages: number) => Promise<void>) {
  for (let from = 0; from < pages; from += windowPages) {
    const to = Math.min(pages, from + windowPages);
    await work(`purchases.ctid >= '(${from},0)' AND purchases.ctid < '(${to},0)'`, to - from);
  }
}

/** One statement a stripe, which finds its rows by itself. */
const byCondition =
  (condition: (stripe: number) => string): Way =>
  (client, pages) =>
    eachWindow(pages, async (range) => {
      for (let at = 0; at < 16; at++)
        await client.query(stripe(`${update()} AND ${range} AND ${condition(at)}`));
    });

/** Rows by place, after a scan that prunes their pages. */
const byPlace =
  (deal: Deal, also = ''): Way =>
  (client, pages) =>
    eachWindow(pages, async (range, size) => {
      const { rows } = await client.query<{ ids: string }>(
        `SELECT ARRAY(SELECT ctid FROM ONLY purchases WHERE ${range} AND organization_id IS NULL)::text AS ids`,
      );
      for (const ids of deal(rows[0]?.ids.match(/\(\d+,\d+\)/g) ?? [], size)) {
        const places = `'{${ids.map((id) => `"${id}"`).join(',')}}'::tid[]`;
        const scan = `SELECT count(*) FROM ONLY purchases WHERE ${range}`;
        await client.query(stripe(scan, `${update(also)} AND purchases.ctid = ANY(${places})`));
      }
    });

/** @param together stripes that the first transaction takes at once */
const evenly =
  (count: number, together = 1): Deal =>
  (ids) =>
    Array.from({ length: count - together + 1 }, (_, at) =>
      ids.filter((__, n) => Math.max(0, (n % count) - together + 1) === at),
    );

const ways: Record<string, Way> = {
  'single UPDATE': async (client) => void (await client.query(update())),
  'hashtid(ctid) & 15': byCondition((at) => `(hashtid(purchases.ctid) & 15) = ${at}`),
  'id & 15': byCondition((at) => `(purchases.id & 15) = ${at}`),
  'by place': byPlace(evenly(16)),
  'three at once first': byPlace(evenly(16, 3)),
  restated: byPlace(evenly(16), restated),
  'restated, 20 stripes': byPlace(evenly(20), restated),
  'restated, 24 stripes': byPlace(evenly(24), restated),
  'restated, tapering': byPlace(dealOut, restated),
};

async function measure(url: string, way: Way): Promise<string[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const look = async () => {
      const { rows } = await client.query<Record<string, number>>(
        `SELECT pg_backend_pid() AS pid, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal,
                pg_total_relation_size('purchases')::float8 AS size, pg_relation_size('purchases')::float8 / 8192 AS pages,
                count(*)::float8 AS rows FROM purchases`,
      );
      const { pid = 0, wal = 0, size = 0, pages = 0 } = rows[0] ?? {};
      return { wal, size, pages, cpu: cpuSeconds(pid) };
    };
    const before = await look();
    await way(client, before.pages);
    const after = await look();
    return [
      `${(after.cpu - before.cpu).toFixed(1)} s`,
      `${((after.wal - before.wal) / 1e6).toFixed(0)} MB`,
      `+${((100 * after.size) / before.size - 100).toFixed(0)} %`,
    ];
  } finally {
    await client.end();
  }
}

/** User and system time of a process (proc(5)). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function script(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

await onNewServer('stripes', async ({ url }) => {
  const admin = `${url}/postgres`;
  await script(admin, 'CREATE DATABASE shop');
  await script(`${url}/shop`, ...shopOf(Number(values.rows)));
  process.stdout.write('| | CPU | WAL | growth |\n|---|---:|---:|---:|\n');
  for (const [name, way] of Object.entries(ways).filter(([each]) => each.includes(values.only))) {
    await script(admin, 'CREATE DATABASE copy TEMPLATE shop STRATEGY file_copy', 'CHECKPOINT');
    const cells = await measure(`${url}/copy`, way);
    process.stdout.write(`| ${[name, ...cells].join(' | ')} |\n`);
    await script(admin, 'DROP DATABASE copy WITH (FORCE)');
  }
});
