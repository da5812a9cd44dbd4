import { describe, expect } from 'vitest';
import { inTurn, servers, type Target } from '../db/targets.ts';
import { withPooler } from '../db/pooler.ts';
import {
  projectOn,
  until,
  untilRunning,
  withClient,
  withProject,
  type Project,
} from './project.ts';

/** What Prisma's schema engine locks (schema-engine, `flavour/postgres.rs`). */
const prismaKey = 72707369;

const prisma = {
  'migration_lock.toml': 'provider = "postgresql"\n',
  '20250101000000_a/migration.sql': 'CREATE TABLE a (x int);',
  '20250102000000_gate/migration.sql': 'SELECT pg_advisory_xact_lock(1); CREATE TABLE b (x int);',
  '20250103000000_index/migration.sql': 'CREATE INDEX CONCURRENTLY b_x ON b (x);',
};

const knex = {
  '20250101000000_a.cjs': `exports.up = (knex) => knex.raw('SELECT pg_advisory_xact_lock(1)');
    exports.down = (knex) => knex.raw('SELECT 1');`,
};

describe.each(servers)('the lock of the folder’s own tool on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(['directly', 'behind a pooler'])('is taken and released, %s', (way) =>
    withWay(way, server, prisma, (project, direct) =>
      withClient(direct.url, async (prismaItself) => {
        const isFree = async () => {
          const { rows } = await prismaItself.query<{ free: boolean }>(
            `SELECT pg_try_advisory_lock(${prismaKey}) AS free, pg_advisory_unlock(${prismaKey})`,
          );
          return rows[0]?.free;
        };
        await prismaItself.query('SELECT pg_advisory_lock(1)');
        const up = project.json('migrate', 'up', '--lock-timeout', '20s');
        await untilRunning(prismaItself, '%pg_advisory_xact_lock(1)%');
        expect(await isFree()).toBe(false);
        await prismaItself.query('SELECT pg_advisory_unlock(1)');
        expect(await up).toMatchObject({ exitCode: 0 });
        await until(async () => isFree());
      }),
    ),
  );

  it.each(['directly', 'behind a pooler'])('keeps dbops out while the tool runs, %s', (way) =>
    withWay(way, server, prisma, (project, direct) =>
      withClient(direct.url, async (prismaItself) => {
        const { rows } = await prismaItself.query<{ pid: number }>(
          `SELECT pg_backend_pid() AS pid, pg_advisory_lock(${prismaKey})`,
        );
        const { exitCode, error } = await project.json('migrate', 'up', '--wait', '200ms');
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.HOST' });
        expect(error?.message).toContain(`pid ${rows[0]?.pid} (the application, user postgres`);
        expect(error?.message).toContain(String(prismaKey));
        expect(await project.json('migrate', 'status')).toMatchObject({ exitCode: 0 });

        const patient = project.json('migrate', 'up', '--wait', '20s');
        await until(async () => (await locksOf(direct)) > 1);
        await prismaItself.query(`SELECT pg_advisory_unlock(${prismaKey})`);
        expect(await patient).toMatchObject({ exitCode: 0 });
      }),
    ),
  );

  it('of a row is taken and released, and named when it is set', () =>
    withProject(server, knex, (project) =>
      withClient(project.url, async (gate) => {
        await gate.query('SELECT pg_advisory_lock(1)');
        const up = project.json('migrate', 'up', '--lock-timeout', '20s');
        await untilRunning(gate, '%pg_advisory_xact_lock(1)%');
        expect(await rowOf(project)).toBe(1);
        await gate.query('SELECT pg_advisory_unlock(1)');
        expect(await up).toMatchObject({ exitCode: 0 });
        expect(await rowOf(project)).toBe(0);

        await gate.query('UPDATE knex_migrations_lock SET is_locked = 1');
        const { exitCode, error } = await project.json('migrate', 'down', '--wait', '200ms');
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.HOST' });
        expect(`${error?.message} ${error?.hint}`).toMatch(/knex.*unlock/s);
        await gate.query('UPDATE knex_migrations_lock SET is_locked = 0');
        expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
      }),
    ));

  it('of a row that a killed dbops left is taken over by the next, and by nobody else', () =>
    withProject(server, knex, (project) =>
      withClient(project.url, async (gate) => {
        await gate.query('SELECT pg_advisory_lock(1)');
        const { child, answer } = project.start('migrate', 'up', '--lock-timeout', '20s');
        await untilRunning(gate, '%pg_advisory_xact_lock(1)%');
        child.kill('SIGKILL');
        await answer;
        await gate.query('SELECT pg_advisory_unlock(1)');
        expect(await rowOf(project)).toBe(1);
        expect(await project.json('migrate', 'up', '--wait', '20s')).toMatchObject({ exitCode: 0 });
        expect(await rowOf(project)).toBe(0);
      }),
    ));

  it('of a row that a killed dbops left, and knex has taken since, is knex’s', () =>
    withProject(server, knex, (project) =>
      withClient(project.url, async (gate) => {
        await gate.query('SELECT pg_advisory_lock(1)');
        const { child, answer } = project.start('migrate', 'up', '--lock-timeout', '20s');
        await untilRunning(gate, '%pg_advisory_xact_lock(1)%');
        child.kill('SIGKILL');
        await answer;
        await gate.query('SELECT pg_advisory_unlock(1)');
        await gate.query('UPDATE knex_migrations_lock SET is_locked = 0'); // knex migrate:unlock
        await gate.query('UPDATE knex_migrations_lock SET is_locked = 1'); // knex migrate:latest
        await gate.query(`SET application_name = 'knex of a colleague'`);
        const { exitCode, error } = await project.json('migrate', 'up', '--wait', '200ms');
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.HOST' });
        expect(error?.message).toContain('knex of a colleague');
        expect(error?.message).toContain('set again by another process');
        expect(error?.hint).toContain('knex migrate:unlock');
        expect(await rowOf(project)).toBe(1);
      }),
    ));

  it('of a row that knex took while dbops ran is not released by dbops', () =>
    withProject(server, knex, (project) =>
      withClient(project.url, async (gate) => {
        await gate.query('SELECT pg_advisory_lock(1)');
        const up = project.json('migrate', 'up', '--lock-timeout', '20s');
        await untilRunning(gate, '%pg_advisory_xact_lock(1)%');
        await gate.query('UPDATE knex_migrations_lock SET is_locked = 0');
        await gate.query('UPDATE knex_migrations_lock SET is_locked = 1');
        await gate.query('SELECT pg_advisory_unlock(1)');
        expect(await up).toMatchObject({ exitCode: 0 });
        expect(await rowOf(project)).toBe(1);
      }),
    ));
});

function withWay(
  way: string,
  server: Target,
  files: Record<string, string>,
  test: (project: Project, direct: Project) => Promise<void>,
): Promise<void> {
  return withProject(server, files, (direct) =>
    way === 'directly'
      ? test(direct, direct)
      : withPooler(direct.url, 4, (url) => test(projectOn(url, direct.root), direct)),
  );
}

/** How many advisory locks are held in the database. */
async function locksOf({ query }: Project): Promise<number> {
  const [row] = await query<{ locks: number }>(
    `SELECT count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return row?.locks ?? 0;
}

async function rowOf({ query }: Project): Promise<number | undefined> {
  const [row] = await query<{ is_locked: number }>('SELECT is_locked FROM knex_migrations_lock');
  return row?.is_locked;
}
