import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensure, type Bench, type Contest } from './contestants.ts';
import { writeMigrations } from './drift.ts';
import { type Command, type Contestant, type Limit, time } from './measure.ts';

const database = 'planned';
const pendingMigrations = 50;

/** `migrate plan` of 50 migrations with 200 statements on a database of 1,000 tables, with an empty cache and with a full one. */
export async function plan(bench: Bench): Promise<Contest> {
  const folder = join(bench.folder, 'planned');
  const cache = join(bench.folder, 'planned-cache');
  await ensure(bench, 'planned', () => build(bench, folder, cache));
  const planOf = (name: string, limit: Limit): Contestant => ({
    name,
    command: dbopsOn(bench, { folder, cache }, 'plan'),
    check(output) {
      if (!output.includes(`${pendingMigrations} pending migrations`))
        throw new Error(`it ended with 0, but printed: ${output}`);
    },
    limits: [limit],
  });
  return {
    title: `Plan of ${pendingMigrations} migrations on 1,000 tables`,
    rounds: 5,
    warmUps: 1,
    contestants: [
      {
        ...planOf('dbops migrate plan, cold', { seconds: 6 }),
        prepare: () => rm(cache, { recursive: true, force: true }),
      },
      planOf('dbops migrate plan, cached', { seconds: 3 }),
    ],
  };
}

async function build(bench: Bench, folder: string, cache: string): Promise<void> {
  await bench.databases.create(database);
  await writeMigrations(folder);
  const { signal } = bench;
  await time(dbopsOn(bench, { folder, cache }, 'up'), { home: bench.folder, signal });
  await bench.databases.query(database, 'VACUUM ANALYZE');
  for (let at = 0; at < pendingMigrations; at++)
    await writeFile(join(folder, `${2_000 + at}_change.up.sql`), changeOf(at * 20));
}

function changeOf(n: number): string {
  return `ALTER TABLE t${n} ADD COLUMN note text;
CREATE INDEX t${n}_day ON t${n} (day);
ALTER TABLE t${n + 1} ADD CONSTRAINT t${n + 1}_size CHECK (size > 0);
ALTER TABLE t${n + 2} ALTER COLUMN size TYPE bigint;`;
}

function dbopsOn(
  { folder: cwd, dbops, databases }: Bench,
  { folder, cache }: { folder: string; cache: string },
  command: string,
): Command {
  return {
    file: dbops.file,
    args: [...dbops.args, 'migrate', command, '--migrations', folder],
    cwd,
    environment: { DATABASE_URL: databases.url(database), DBOPS_CACHE_DIR: cache },
  };
}
