// Fills a column of millions of rows in four ways, each on a fresh copy of the same database and
// beside the same application. Run with `node bench/backfill.ts`, after `npm run build`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startLoad, type Latencies } from './backfill-load.ts';
import { rivals, type Rival } from './backfill-rivals.ts';
import { shopOf } from './backfill-shop.ts';
import { onNewServer } from './server.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    'per-second': { type: 'string', default: '50' },
    idle: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    workers: { type: 'string', default: '1' },
    dbops: { type: 'string', default: join(import.meta.dirname, '..', 'bin', 'dbops.cjs') },
  },
});
const rows = Number(values.rows);
const perSecond = Number(values['per-second']);

interface Measured {
  name: string;
  seconds: number;
  /** Bytes. */
  wal: number;
  sizes: { before: number; after: number };
  hot: number;
  /** Seconds of the processor that the server's sessions took; not those of the application. */
  cpu: number;
  idle: Latencies;
  busy: Latencies;
  /** Rows that had no organization, or another than their content, when it had ended. */
  left: number;
  proof: number | undefined;
  /** Seconds. */
  paused: number | undefined;
}

async function main(server: string, folder: string): Promise<void> {
  say(`${rows} purchases`);
  await asking(`${server}/postgres`, (ask) => ask('CREATE DATABASE shop'));
  await asking(`${server}/shop`, async (ask) => {
    for (const statement of shopOf(rows)) await ask(statement);
  });
  const all = rivals(values.dbops, folder, values.workers.split(',').map(Number));
  const results: Measured[] = [];
  for (const rival of all.filter(({ name }) =>
    values.only.split(',').some((part) => name.includes(part)),
  ))
    results.push(await measure(server, rival));
  process.stdout.write(`${tableOf(results)}\n`);
}

async function measure(server: string, rival: Rival): Promise<Measured> {
  say(`  ${rival.name}`);
  await asking(`${server}/postgres`, async (ask) => {
    await ask('CREATE DATABASE copy TEMPLATE shop STRATEGY file_copy');
    await ask('CHECKPOINT');
  });
  const url = `${server}/copy`;
  try {
    return await asking(url, async (ask) => {
      // Into the caches, as a table in use is.
      await ask('SELECT count(*) FROM purchases');
      const load = startLoad(url, rows, perSecond);
      await sleep(2_000);
      load.taken();
      await sleep(Number(values.idle) * 1_000);
      const idle = load.taken();
      const [before] = await ask(state);
      const cpuBefore = await cpuSeconds(ask);
      const started = performance.now();
      const { proofMs, pacedMs } = await rival.fill(url);
      const milliseconds = performance.now() - started;
      await sleep(500); // until its sessions have left, which count only then
      const cpu = (await cpuSeconds(ask)) - cpuBefore;
      const [after] = await ask(state);
      await load.stop();
      const busy = load.taken();
      const [left] =
        await ask(`SELECT count(*)::int AS wrong FROM purchases p LEFT JOIN content c ON c.id = p.content_id
         WHERE p.organization_id IS DISTINCT FROM c.organization_id AND p.id <= ${rows}`);
      if (!before || !after) throw new Error('the server told no figures');
      return {
        name: rival.name,
        seconds: milliseconds / 1_000,
        wal: Number(after['wal']) - Number(before['wal']),
        sizes: { before: Number(before['size']), after: Number(after['size']) },
        hot: Number(after['hot']) - Number(before['hot']),
        cpu,
        idle,
        busy,
        left: Number(left?.['wrong']),
        proof: proofMs === undefined ? undefined : proofMs / milliseconds,
        paused: pacedMs === undefined ? undefined : pacedMs / 1_000,
      };
    });
  } finally {
    await asking(`${server}/postgres`, (ask) => ask('DROP DATABASE copy WITH (FORCE)'));
  }
}

const state = `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal,
  pg_total_relation_size('purchases') AS size,
  (SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'purchases') AS hot`;

/** Of the server's sessions that have ended: what its first process has of its children (proc(5)). */
async function cpuSeconds(ask: Ask): Promise<number> {
  const [row] = await ask(`SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`);
  const fields =
    readFileSync(`/proc/${row?.['pid']}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

async function asking<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
  } finally {
    await client.end();
  }
}

/** Ratios to the first way, which the noise of the machine reaches as well. */
function tableOf(results: readonly Measured[]): string {
  const [base] = results;
  if (!base) return 'nothing was measured';
  const lines = results.map(
    ({ name, seconds, wal, sizes, hot, cpu, idle, busy, left, proof, paused }) => {
      const cells = [
        name,
        `${seconds.toFixed(1)} s`,
        (seconds / base.seconds).toFixed(2),
        `${cpu.toFixed(1)} s`,
        (cpu / base.cpu).toFixed(2),
        `${(wal / 1e6).toFixed(0)} MB`,
        (wal / base.wal).toFixed(2),
        `+${((100 * sizes.after) / sizes.before - 100).toFixed(0)} %`,
        `${((100 * hot) / rows).toFixed(0)} %`,
        `${idle.p99.toFixed(1)} ms`,
        `${busy.p99.toFixed(1)} ms`,
        (busy.p99 / idle.p99).toFixed(1),
        `${busy.worst.toFixed(0)} ms`,
        `${left}`,
        proof === undefined ? '' : `${(100 * proof).toFixed(1)} %`,
        paused === undefined ? '' : `${paused.toFixed(1)} s`,
      ];
      return `| ${cells.join(' | ')} |`;
    },
  );
  return [
    `| ${rows} rows, ${perSecond} statements/s beside | time | ÷ | CPU | ÷ | WAL | ÷ | growth | HOT | p99 idle | p99 | ÷ | worst | rows left | proof | paused |`,
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await onNewServer('backfill', ({ url }, folder) => main(url, folder));
