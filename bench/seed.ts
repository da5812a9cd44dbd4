// Loads generated rows with `dbops seed --scale`, beside `\copy` of the same rows from a file and drizzle-seed, and
// times a second seed with nothing to do. Prints the peak memory of each Node process; that of a quarter of the
// rows shows whether it grows with them. Run with `node bench/seed.ts`, after `npm run build`.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { ensurePeers, peerVersions } from './peers.ts';
import { onNewServer } from './server.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '3' },
    dbops: { type: 'string', default: join(import.meta.dirname, '..', 'bin', 'dbops.cjs') },
  },
});
const rows = Number(values.rows);
const rounds = Number(values.rounds);

const schema = `CREATE TABLE app (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text UNIQUE NOT NULL);
  CREATE TABLE call (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app_id bigint NOT NULL, tokens int NOT NULL,
    kind text NOT NULL, place int NOT NULL, at timestamptz NOT NULL)`;
const columns = 'app_id, tokens, kind, place, at';

const config = {
  seeds: {
    apps: { table: 'app', key: ['slug'], rows: [{ slug: 'a' }, { slug: 'b' }] },
    calls: {
      table: 'call',
      scale: 1,
      columns: {
        app_id: { $ref: ['apps'] },
        tokens: 'lognormal 400',
        kind: 'choice chat image embedding',
        place: 'zipf 1000',
        at: 'spread 60 days',
      },
    },
  },
};

interface Contestant {
  name: string;
  /** The rows that it loads into a new database in each round; 0: it finds those of dbops. */
  loads: number;
  run(url: string): void;
}

const quarter = Math.ceil(rows / 4);
const memoryFile = join(tmpdir(), `dbops-bench-peak-${process.pid}`);

/** Runs a program of Node, which leaves its peak memory in `memoryFile`. */
function node(url: string, words: readonly string[], cwd?: string): void {
  const preload = pathToFileURL(join(import.meta.dirname, 'peak-memory.mjs')).href;
  execFileSync(process.execPath, [`--import=${preload}`, ...words], {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, DATABASE_URL: url, PEAK_MEMORY_FILE: memoryFile },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

const dbops = (folder: string, url: string, scale: number) =>
  node(url, [values.dbops, 'seed', '--quiet', '--scale', `${scale}`], folder);

/** Returns MB, and removes the file. */
function takePeak(): number {
  try {
    return Number(readFileSync(memoryFile, 'utf8')) / 1024;
  } catch {
    return Number.NaN; // no process of Node
  } finally {
    rmSync(memoryFile, { force: true });
  }
}

function contestantsIn(folder: string, file: string): Contestant[] {
  const script = join(import.meta.dirname, 'drizzle-seed.mjs');
  const psql = (url: string) =>
    execFileSync('psql', ['-X', '-q', '-d', url, '-c', `\\copy call (${columns}) FROM '${file}'`]);
  const peer = (url: string) => node(url, [script, values.rows]);
  const version = peerVersions()['drizzle-seed'] ?? '';
  const floor = join(import.meta.dirname, 'floor.mjs');
  return [
    { name: '\\copy of the same rows', loads: rows, run: psql },
    {
      name: `dbops seed --scale ${rows}`,
      loads: rows,
      run: (url) => dbops(folder, url, rows),
    },
    {
      name: `dbops seed --scale ${quarter}`,
      loads: quarter,
      run: (url) => dbops(folder, url, quarter),
    },
    { name: `drizzle-seed ${version}`, loads: rows, run: peer },
    {
      name: 'Node + connect + one query',
      loads: 0,
      run: (url) => node(url, [floor]),
    },
    {
      name: 'dbops seed, nothing to do',
      loads: 0,
      run: (url) => dbops(folder, url, rows),
    },
  ];
}

async function main(server: string, folder: string): Promise<void> {
  ensurePeers();
  writeFileSync(join(folder, 'dbops.config.json'), JSON.stringify(config));
  const file = join(folder, 'rows.tsv');
  const url = `${server}/load`;
  const fresh = async () => {
    await ask(`${server}/postgres`, 'DROP DATABASE IF EXISTS load');
    await ask(`${server}/postgres`, 'CREATE DATABASE load');
    await ask(url, schema);
    await ask(url, 'CHECKPOINT');
  };
  await fresh();
  dbops(folder, url, rows);
  takePeak();
  execFileSync('psql', ['-X', '-q', '-d', url, '-c', `\\copy call (${columns}) TO '${file}'`]);
  const lines = ['| | median | rows/s | min – max | peak memory |', '|---|---:|---:|---|---:|'];
  for (const contestant of contestantsIn(folder, file)) {
    const samples: number[] = [];
    const peaks: number[] = [];
    for (let round = 0; round < rounds; round++) {
      if (contestant.loads > 0) await fresh();
      const started = performance.now();
      contestant.run(url);
      samples.push(performance.now() - started);
      // The contestants that load nothing find the rows of dbops.
      if (contestant.loads > 0) await expectRows(url, contestant.loads);
      peaks.push(takePeak());
    }
    if (contestant.name.startsWith('drizzle')) await refill(fresh, folder, url);
    lines.push(lineOf(contestant, samples, Math.max(...peaks)));
    process.stderr.write(`${lines.at(-1) ?? ''}\n`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function refill(fresh: () => Promise<void>, folder: string, url: string): Promise<void> {
  await fresh();
  dbops(folder, url, rows);
  takePeak();
}

function lineOf({ name, loads }: Contestant, samples: readonly number[], peak: number): string {
  const sorted = samples.toSorted((a, b) => a - b);
  const [low = 0, high = 0] = [sorted[0], sorted.at(-1)];
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const rate = loads > 0 ? Math.round((1000 * loads) / median).toLocaleString('en-US') : '';
  const memory = Number.isNaN(peak) ? '' : `${peak.toFixed(0)} MB`;
  return `| ${name} | ${median.toFixed(0)} ms | ${rate} | ${low.toFixed(0)} – ${high.toFixed(0)} ms | ${memory} |`;
}

async function expectRows(url: string, expected: number): Promise<void> {
  const [row] = await ask<{ rows: number }>(url, 'SELECT count(*)::float8 AS rows FROM call');
  if (row?.rows !== expected) throw new Error(`there are ${row?.rows ?? 0} rows`);
}

async function ask<R extends pg.QueryResultRow>(url: string, sql: string): Promise<R[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end();
  }
}

await onNewServer('seed', ({ url }, folder) => main(url, folder));
