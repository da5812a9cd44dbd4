import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bench, type Contest, ensure } from './contestants.ts';
import { type Command, time } from './measure.ts';

/** What is measured on the reference schema, the one that dbops brings along. */

const migrations = join(import.meta.dirname, '..', 'migrations');
const migrationCount = readdirSync(migrations).filter((file) => file.endsWith('.up.sql')).length;

/** Rows of the seed, and of nothing else. */
const seededQuery = 'SELECT count(*)::int AS count FROM users';

export function seed(bench: Bench): Contest {
  const { databases } = bench;
  const expectSeeded = (database: string, summary: RegExp) => async (output: string) => {
    if (!summary.test(output)) throw new Error(`dbops seed ended with 0, but printed: ${output}`);
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
        async prepare() {
          await reference(bench);
          await databases.create('fresh', 'reference');
        },
        check: expectSeeded('fresh', /^[1-9]\d* created, 0 updated/m),
        limits: [{ seconds: 1 }],
      },
      {
        name: 'dbops seed, again',
        command: command(bench, 'seeded', 'seed'),
        prepare: () => seeded(bench),
        check: expectSeeded('seeded', / [1-9]\d* unchanged$/m),
        limits: [{ seconds: 1 }],
      },
    ],
  };
}

export function verify(bench: Bench): Contest {
  const check = (output: string) => {
    if (!output.includes(`${migrationCount} applied migrations`))
      throw new Error(`dbops verify ended with 0, but printed: ${output}`);
  };
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
        async prepare() {
          await seeded(bench);
          await rm(join(bench.folder, 'cold'), { recursive: true, force: true });
        },
        check,
        limits: [{ seconds: 3 }],
      },
      {
        name: 'dbops verify, cached',
        command: inCache('warm'),
        prepare: () => seeded(bench),
        check,
        limits: [{ seconds: 0.5 }],
      },
    ],
  };
}

/** A database with the reference schema, for others to be copied from. */
function reference(bench: Bench): Promise<void> {
  return ensure(bench, 'reference', async () => {
    await bench.databases.create('reference');
    await run(bench, 'reference', 'migrate', 'up');
  });
}

/** A seeded database. */
function seeded(bench: Bench): Promise<void> {
  return ensure(bench, 'seeded', async () => {
    await reference(bench);
    await bench.databases.create('seeded', 'reference');
    await run(bench, 'seeded', 'seed');
    await bench.databases.query('seeded', 'VACUUM ANALYZE');
  });
}

async function run(bench: Bench, database: string, ...words: string[]): Promise<void> {
  await time(command(bench, database, ...words), { home: bench.folder, signal: bench.signal });
}

function command(bench: Bench, database: string, ...words: string[]): Command {
  const { file, args } = bench.dbops;
  return {
    file,
    args: [...args, ...words, '--migrations', migrations],
    cwd: bench.folder,
    environment: { DATABASE_URL: bench.databases.url(database) },
  };
}
