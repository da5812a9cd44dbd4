import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Contest } from './contestants.ts';
import type { Databases } from './databases.ts';
import { type Contestant, type Limit, time } from './measure.ts';

const tables = 1_000;
const floor = 'pg_dump --schema-only';

/** The major version of the pg_dump on the PATH. */
export function pgDumpMajor(): number | undefined {
  const { stdout, status } = spawnSync('pg_dump', ['--version'], { encoding: 'utf8' });
  return status === 0 ? Number(/ (\d+)/.exec(stdout)?.[1]) : undefined;
}

/**
 * A warm comparison of a large schema, beside a dump of the same database. pg_dump refuses a server
 * that is newer than itself, so both then run on a server of pg_dump's own version.
 */
export async function drift(bench: Bench): Promise<Contest> {
  const migrations = await writeMigrations(join(bench.folder, 'large'));
  const { dumpable } = bench;
  const newest = { server: bench.databases, major: 18 };
  const contestants = dumpable ? [dump(bench, dumpable.server)] : [];
  if (dumpable) contestants.push(await verify(bench, migrations, dumpable, [{ ratio: 3 }]));
  if (dumpable?.major !== newest.major) contestants.push(await verify(bench, migrations, newest));
  return {
    title: `Drift of ${tables.toLocaleString('en')} tables, nothing wrong`,
    floor,
    rounds: 7,
    warmUps: 1,
    contestants,
    ...(dumpable?.major !== newest.major && {
      note: dumpable
        ? `**The pg_dump here is of version ${dumpable.major}**, so it and dbops are compared on a server of that version; PostgreSQL 18 stands beside for dbops alone.`
        : '**pg_dump is not installed, so the floor is missing**: apt-get install postgresql-client, or brew install libpq.',
    }),
  };
}

const database = 'large';

function dump({ folder }: Bench, server: Databases): Contestant {
  return {
    name: floor,
    command: {
      file: 'pg_dump',
      args: ['--schema-only', '--dbname', server.url(database)],
      cwd: folder,
    },
    check(output) {
      const made = output.match(/^CREATE TABLE public\./gm)?.length ?? 0;
      if (made !== tables) throw new Error(`pg_dump ended with 0 and ${made} tables`);
    },
  };
}

async function verify(
  { folder, dbops, signal }: Bench,
  migrations: string,
  { server, major }: { server: Databases; major: number },
  limits: Limit[] = [],
): Promise<Contestant> {
  const command = (...words: string[]) => ({
    file: dbops.file,
    args: [...dbops.args, ...words, '--migrations', migrations],
    cwd: folder,
    environment: {
      DATABASE_URL: server.url(database),
      DBOPS_CACHE_DIR: join(folder, 'large-cache'),
    },
  });
  await server.create(database);
  await time(command('migrate', 'up'), { home: folder, signal });
  await server.query(database, 'VACUUM ANALYZE');
  return {
    name: `dbops verify schema, cached, PostgreSQL ${major}`,
    command: command('verify', 'schema'),
    check(output) {
      if (!output.includes('nothing wrong'))
        throw new Error(`it ended with 0, but printed: ${output}`);
    },
    limits,
  };
}

/** Tables of 12 columns, 3 indexes beside the primary key, 2 checks and a foreign key, 50 a file. */
export async function writeMigrations(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  for (let from = 0; from < tables; from += 50) {
    const sql = Array.from({ length: 50 }, (_, at) => tableOf(from + at)).join('\n');
    await writeFile(join(folder, `${String(from).padStart(4, '0')}_tables.up.sql`), sql);
  }
  return folder;
}

function tableOf(n: number): string {
  return `CREATE TABLE t${n} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent bigint REFERENCES t${Math.max(0, n - 1)} (id),
  name text NOT NULL, email varchar(99), kind varchar(9) NOT NULL DEFAULT 'a' CHECK (kind IN ('a', 'b', 'c')),
  amount numeric(10, 2) NOT NULL DEFAULT 0 CHECK (amount >= 0), is_on boolean DEFAULT true, payload jsonb,
  day date, size integer, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz);
CREATE INDEX t${n}_name ON t${n} (lower(name));
CREATE INDEX t${n}_kind ON t${n} (kind, created_at DESC) WHERE kind IN ('a', 'b');
CREATE INDEX t${n}_parent ON t${n} (parent);`;
}
