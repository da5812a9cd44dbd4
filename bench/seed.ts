// Loads generated rows with `dbops seed --scale`, beside `\copy` of the same rows from a file and drizzle-seed, and
// times a second seed with nothing to do. Run with `node bench/seed.ts`, after `npm run build`.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Whether each round gets a new database. */
  isFresh: boolean;
  run(url: string): void;
}

const node = process.execPath;
const dbops = (folder: string, url: string, ...words: string[]) =>
  execFileSync(node, [values.dbops, 'seed', '--quiet', ...words], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });

function contestantsIn(folder: string, file: string): Contestant[] {
  const script = join(import.meta.dirname, 'drizzle-seed.mjs');
  const psql = (url: string) =>
    execFileSync('psql', ['-X', '-q', '-d', url, '-c', `\\copy call (${columns}) FROM '${file}'`]);
  const peer = (url: string) =>
    execFileSync(node, [script, values.rows], { env: { ...process.env, DATABASE_URL: url } });
  const version = peerVersions()['drizzle-seed'] ?? '';
  const floor = join(import.meta.dirname, 'floor.mjs');
  return [
    { name: '\\copy of the same rows', isFresh: true, run: psql },
    {
      name: `dbops seed --scale ${values.rows}`,
      isFresh: true,
      run: (url) => dbops(folder, url, '--scale', values.rows),
    },
    { name: `drizzle-seed ${version}`, isFresh: true, run: peer },
    {
      name: 'Node + connect + one query',
      isFresh: false,
      run: (url) => execFileSync(node, [floor], { env: { ...process.env, DATABASE_URL: url } }),
    },
    {
      name: 'dbops seed, nothing to do',
      isFresh: false,
      run: (url) => dbops(folder, url, '--scale', values.rows),
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
  dbops(folder, url, '--scale', values.rows);
  execFileSync('psql', ['-X', '-q', '-d', url, '-c', `\\copy call (${columns}) TO '${file}'`]);
  const lines = ['| | median | rows/s | min – max |', '|---|---:|---:|---|'];
  for (const contestant of contestantsIn(folder, file)) {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      if (contestant.isFresh) await fresh();
      const started = performance.now();
      contestant.run(url);
      samples.push(performance.now() - started);
      // The contestants that load nothing find the rows of dbops.
      if (contestant.isFresh) await expectRows(url);
    }
    if (contestant.name.startsWith('drizzle')) await refill(fresh, folder, url);
    lines.push(lineOf(contestant, samples));
    process.stderr.write(`${lines.at(-1) ?? ''}\n`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function refill(fresh: () => Promise<void>, folder: string, url: string): Promise<void> {
  await fresh();
  dbops(folder, url, '--scale', values.rows);
}

function lineOf({ name, isFresh }: Contestant, samples: readonly number[]): string {
  const sorted = samples.toSorted((a, b) => a - b);
  const [low = 0, high = 0] = [sorted[0], sorted.at(-1)];
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const rate = isFresh ? Math.round((1000 * rows) / median).toLocaleString('en-US') : '';
  return `| ${name} | ${median.toFixed(0)} ms | ${rate} | ${low.toFixed(0)} – ${high.toFixed(0)} ms |`;
}

async function expectRows(url: string): Promise<void> {
  const [row] = await ask<{ rows: number }>(url, 'SELECT count(*)::float8 AS rows FROM call');
  if (row?.rows !== rows) throw new Error(`there are ${row?.rows ?? 0} rows`);
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
