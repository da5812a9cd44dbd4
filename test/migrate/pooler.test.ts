import { describe, expect, vi } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withPooler } from '../db/pooler.ts';
import {
  byState,
  exists,
  projectOn,
  tracked,
  until,
  untilRunning,
  withClient,
  withProject,
  type Project,
} from './project.ts';

vi.setConfig({ testTimeout: 60_000 });

const twenty = Array.from({ length: 20 }, (_, index) => String(index + 1).padStart(4, '0'));

/** Every file leaves a row: one that ran twice would leave two. */
const folder = {
  '0000_ran.up.sql': 'CREATE TABLE ran (number int, x int)',
  ...Object.fromEntries(
    twenty.map((number) => [
      `${number}_m.up.sql`,
      `SET search_path = public; SET lock_timeout = '1h';
       INSERT INTO ran VALUES (${number}); CREATE TABLE t_${number} ()`,
    ]),
  ),
  '0021_index.up.sql': `-- dbops: no-transaction
     CREATE INDEX CONCURRENTLY ran_x ON ran (x);
     CREATE TABLE after_index ();`,
};
const names = Object.keys(folder).map((file) => file.replace('.up.sql', ''));

const sleeper = {
  '0001_sleep.up.sql': 'SELECT pg_sleep(60)',
  '0002_b.up.sql': 'CREATE TABLE b ()',
};

describe.each(servers)('behind a transaction pooler on $name', (server) => {
  const it = inTurn(server, servers);
  /** The same project, directly and by way of a pooler with so few server connections. */
  const withPooled = (
    files: Record<string, string>,
    test: (pooled: Project, direct: Project, pooledUrl: string) => Promise<void>,
    size = 4,
    isLate = false,
  ) =>
    withProject(server, files, (direct) =>
      withPooler(direct.url, size, (url) => test(projectOn(url, direct.root), direct, url), {
        isLate,
      }),
    );

  it('stops within --wait when the pool has one connection, and says what it needs', () =>
    withPooled(
      sleeper,
      async (pooled, direct) => {
        const started = Date.now();
        const { exitCode, error } = await pooled.json('migrate', 'up', '--wait', '2s');
        expect(Date.now() - started).toBeLessThan(30_000);
        expect({ exitCode, code: error?.code }).toEqual({
          exitCode: 3,
          code: 'DATABASE.POOL_SIZE',
        });
        expect(error?.message).toContain('no second connection within 2.0 s');
        expect(error?.hint).toContain('DATABASE_URL_UNPOOLED');
        expect(await exists(direct, 'b')).toBe(false);
      },
      1,
    ));

  it('doctor says so, and says so of nothing else', () =>
    withPooled(folder, async (pooled, direct) => {
      const line = async (project: Project) =>
        JSON.parse((await project.dbops('doctor', '--json')).stdout).diagnoses.find(
          ({ name }: { name: string }) => name === 'pooler',
        );
      expect(await line(pooled)).toMatchObject({ state: 'warn' });
      expect(await line(direct)).toMatchObject({ state: 'ok' });
    }));

  it('runners that start at once apply every migration once, and leave the connections as they were', () =>
    withPooled(folder, async (pooled, direct, url) => {
      const runners = [1, 2, 3, 4, 5, 6, 7, 8].map((index) =>
        (index % 4 === 0 ? direct : pooled).json('migrate', 'up'),
      );
      const answers = await Promise.all(runners);
      expect(answers.map(({ exitCode, error }) => ({ exitCode, error }))).toEqual(
        answers.map(() => ({ exitCode: 0, error: undefined })),
      );
      const done = answers.flatMap((answer) => byState(answer)['done'] ?? []);
      expect(done.toSorted()).toEqual(names);
      expect(await tracked(direct)).toEqual(names);
      expect(await direct.query('SELECT count(*)::int AS rows FROM ran')).toEqual([{ rows: 20 }]);
      for (let index = 0; index < 4; index++)
        await withClient(url, async (client) => {
          const { rows } = await client.query('SHOW lock_timeout');
          expect(rows).toEqual([{ lock_timeout: '0' }]);
        });
    }));

  it('the holder of the lock is shown, and Ctrl-C cancels its statement', () =>
    withPooled(sleeper, async (pooled, direct) => {
      const { child, answer } = pooled.start('migrate', 'up');
      await withClient(direct.url, async (observer) => {
        await untilRunning(observer, '%pg_sleep(60)%');
        const keeper = await keeperOf(direct);
        for (const project of [pooled, direct]) {
          const { exitCode, error } = await project.json('migrate', 'up', '--wait', '100ms');
          expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.RUNNER' });
          expect(error?.message).toContain(`pid ${keeper} (dbops migrate up, user postgres`);
        }
      });
      child.kill('SIGINT');
      expect(await answer).toMatchObject({ exitCode: 130 });
      expect(await tracked(direct)).toEqual([]);
    }));

  it('a run that is killed leaves its lock to the next', () =>
    withPooled(
      { '0001_a.up.sql': 'CREATE TABLE a (); SELECT pg_sleep(60)' },
      async (pooled, direct) => {
        const { child, answer } = pooled.start('migrate', 'up');
        await withClient(direct.url, (observer) => untilRunning(observer, '%pg_sleep(60)%'));
        child.kill('SIGKILL');
        await answer;
        direct.write({ '0001_a.up.sql': 'CREATE TABLE a ()' });
        expect(await pooled.json('migrate', 'up', '--wait', '30s')).toMatchObject({ exitCode: 0 });
        expect(await tracked(direct)).toEqual(['0001_a']);
      },
    ));

  it.each([
    ['is lost', false],
    ['is lost, which the pooler says late', true],
  ])('nothing more is started when the connection that holds the lock %s', (_, isLate) =>
    withPooled(
      {
        '0001_gate.up.sql': 'SELECT pg_advisory_xact_lock(1)',
        '0002_b.up.sql': 'CREATE TABLE b ()',
      },
      (pooled, direct) =>
        withClient(direct.url, async (gate) => {
          await gate.query('SELECT pg_advisory_lock(1)');
          const up = pooled.json('migrate', 'up', '--lock-timeout', '30s');
          await untilRunning(gate, '%pg_advisory_xact_lock(1)%');
          await gate.query('SELECT pg_terminate_backend($1)', [await keeperOf(direct)]);
          await gate.query('SELECT pg_advisory_unlock(1)');
          expect(await up).toMatchObject({ exitCode: 3, error: { code: 'LOCK.LOST' } });
          expect(await tracked(direct)).toEqual(['0001_gate']);
          expect(await exists(direct, 'b')).toBe(false);
        }),
      4,
      isLate,
    ),
  );

  it('a migration that waits for a table says who blocks it', () =>
    withPooled(
      { '0001_t.up.sql': 'CREATE TABLE t ()', '0002_y.up.sql': 'ALTER TABLE t ADD y int' },
      async (pooled, direct) => {
        await pooled.dbops('migrate', 'up', '--steps', '1');
        await withClient(direct.url, async (reader) => {
          await reader.query('BEGIN; SELECT * FROM t');
          const { rows } = await reader.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
          const flags = ['--wait', '500ms', '--lock-timeout', '100ms'];
          const { exitCode, error } = await pooled.json('migrate', 'up', ...flags);
          expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.TABLE' });
          expect(error?.message).toContain(`pid ${rows[0]?.pid} (the application`);
        });
      },
    ));

  it('a statement outside a transaction that needs a SET is refused before anything runs', () =>
    withPooled(
      {
        '0001_t.up.sql': `-- dbops: no-transaction
          CREATE TABLE t (x int);
          SET search_path = public;
          CREATE INDEX CONCURRENTLY t_x ON t (x);`,
      },
      async (pooled, direct) => {
        const { exitCode, error } = await pooled.json('migrate', 'up');
        expect({ exitCode, code: error?.code }).toEqual({
          exitCode: 2,
          code: 'MIGRATION.POOLED_SETTINGS',
        });
        expect(await exists(direct, 't')).toBe(false);
        expect(await direct.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      },
    ));
});

/** The process whose transaction holds the runner's lock. */
function keeperOf({ query }: Project): Promise<number> {
  return until(async () => {
    const rows = await query<{ pid: number }>(
      `SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND state = 'idle in transaction'
          AND datname = current_database()`,
    );
    return rows[0]?.pid;
  });
}
