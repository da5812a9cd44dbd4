import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Contest } from './contestants.ts';
import { type Command, time } from './measure.ts';

/** What is measured on the reference schema, the one that dbops brings along. */

/** Rows of the seed, and of nothing else. */
const seededQuery = 'SELECT count(*)::int AS count FROM users';

export async function seed(bench: Bench): Promise<Contest> {
  await ensureReference(bench);
  await ensureSeeded(bench);
  const { databases } = bench;
  const expectSeeded = (database: string) => async () => {
    const [row] = await databases.query<{ count: number }>(database, seededQuery);
    if (!row?.count) throw new Error('dbops seed ended with 0, but there are no users');
  };
  return {
    title: 'Seed of the reference schema',
    rounds: 10,
    warmUps: 1,
    contestants: [
      {
        name: 'dbops seed, first time',
        command: command(bench, 'fresh', 'seed'),
        prepare: () => databases.create('fresh', 'reference'),
        check: expectSeeded('fresh'),
        limit: { seconds: 1 },
      },
      {
        name: 'dbops seed, again',
        command: command(bench, 'seeded', 'seed'),
        check: expectSeeded('seeded'),
        limit: { seconds: 1 },
      },
    ],
  };
}

export async function verify(bench: Bench): Promise<Contest> {
  await ensureReference(bench);
  await ensureSeeded(bench);
  const inCache = (name: string): Command => {
    const base = command(bench, 'seeded', 'verify');
    return {
      ...base,
      environment: { ...base.environment, DBOPS_CACHE_DIR: join(bench.folder, name) },
    };
  };
  return {
    title: 'Verify of the reference schema, seeded',
    rounds: 10,
    warmUps: 1,
    contestants: [
      {
        name: 'dbops verify, cold cache',
        command: inCache('cold'),
        prepare: () => rm(join(bench.folder, 'cold'), { recursive: true, force: true }),
        limit: { seconds: 3 },
      },
      { name: 'dbops verify, cached', command: inCache('warm'), limit: { seconds: 0.5 } },
    ],
  };
}

/** A database with the reference schema, for others to be copied from. */
async function ensureReference(bench: Bench): Promise<void> {
  if (await exists(bench, 'reference')) return;
  await bench.databases.create('reference');
  await run(bench, 'reference', 'migrate', 'up');
}

async function ensureSeeded(bench: Bench): Promise<void> {
  if (await exists(bench, 'seeded')) return;
  await bench.databases.create('seeded', 'reference');
  await run(bench, 'seeded', 'seed');
  await bench.databases.query('seeded', 'VACUUM ANALYZE');
}

async function exists({ databases }: Bench, name: string): Promise<boolean> {
  const sql = `SELECT FROM pg_database WHERE datname = '${name}'`;
  return (await databases.query('postgres', sql)).length > 0;
}

async function run(bench: Bench, database: string, ...words: string[]): Promise<void> {
  await time(command(bench, database, ...words), { home: bench.folder, signal: bench.signal });
}

function command(bench: Bench, database: string, ...words: string[]): Command {
  const { file, args } = bench.dbops;
  const migrations = join(import.meta.dirname, '..', 'migrations');
  return {
    file,
    args: [...args, ...words, '--migrations', migrations],
    cwd: bench.folder,
    environment: { DATABASE_URL: bench.databases.url(database) },
  };
}
