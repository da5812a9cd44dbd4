// A table under load, a transaction that stays open, and an ALTER TABLE that waits for it: how long
// does a client of the application wait? Run with `node bench/busy-table.ts`, after `npm run build`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { onNewServer } from './server.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '8' },
    'lock-timeout': { type: 'string', default: '500' },
    seconds: { type: 'string', default: '10' },
    dbops: { type: 'string', default: '../bin/dbops.cjs' },
  },
});
const clients = Number(values.clients);
const lockTimeout = Number(values['lock-timeout']);
const blockedFor = Number(values.seconds) * 1_000;
/** Milliseconds beyond `lock_timeout` that a client may wait. */
const allowance = 100;
const rows = 100_000;

await onNewServer('busy', ({ url }, folder) => main(`${url}/postgres`, folder));

async function main(url: string, folder: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(
      `CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
       INSERT INTO accounts SELECT n, 0 FROM generate_series(1, ${rows}) n`,
    ),
  );
  const load = startLoad(url);
  await sleep(1_000);
  const quiet = load.longest();
  load.forget();
  const { exitCode, stderr } = await withClient(url, async (reader) => {
    await reader.query('BEGIN; SELECT FROM accounts LIMIT 1');
    const up = migrate(url, folder);
    await sleep(blockedFor);
    await reader.query('COMMIT');
    return up;
  });
  const longest = load.longest();
  const queries = await load.stop();
  const limit = lockTimeout + allowance;
  const lines = [
    `${clients} clients, ${queries} queries; ALTER TABLE blocked for ${blockedFor / 1_000} s, --lock-timeout ${lockTimeout}ms`,
    `dbops left with ${exitCode} after ${stderr.split('waits for a lock').length - 1} attempts that were given up`,
    `longest wait of a client: ${longest.toFixed(0)} ms (limit ${limit} ms; ${quiet.toFixed(0)} ms without dbops)`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (exitCode !== 0 || longest > limit) process.exitCode = 1;
}

/** Clients that read and write one row after the other, as fast as they are answered. */
function startLoad(url: string) {
  const stopped = new AbortController();
  let longest = 0;
  let queries = 0;
  const timed = async (client: pg.Client, sql: string) => {
    const id = 1 + Math.floor(Math.random() * rows);
    const started = performance.now();
    await client.query(sql, [id]);
    longest = Math.max(longest, performance.now() - started);
    queries += 1;
  };
  const work = Array.from({ length: clients }, () =>
    withClient(url, async (client) => {
      while (!stopped.signal.aborted) {
        await timed(client, 'SELECT balance FROM accounts WHERE id = $1');
        await timed(client, 'UPDATE accounts SET balance = balance + 1 WHERE id = $1');
      }
    }),
  );
  return {
    longest: () => longest,
    forget: () => (longest = 0),
    async stop() {
      stopped.abort();
      await Promise.all(work);
      return queries;
    },
  };
}

async function migrate(
  url: string,
  folder: string,
): Promise<{ exitCode: number | null; stderr: string }> {
  const migrations = join(folder, 'project', 'migrations');
  await mkdir(migrations, { recursive: true });
  await writeFile(
    join(migrations, '0001_note.up.sql'),
    'ALTER TABLE accounts ADD COLUMN note text NOT NULL DEFAULT $$none$$',
  );
  const words = ['migrate', 'up', '--lock-timeout', `${lockTimeout}ms`];
  const child = spawn(process.execPath, [resolve(import.meta.dirname, values.dbops), ...words], {
    cwd: join(folder, 'project'),
    env: { PATH: process.env['PATH'], HOME: folder, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { exitCode: child.exitCode, stderr };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
