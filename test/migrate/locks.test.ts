import type pg from 'pg';
import { describe, expect } from 'vitest';
import { withPooler } from '../db/pooler.ts';
import { inTurn, servers } from '../db/targets.ts';
import {
  exists,
  projectOn,
  tracked,
  until,
  withClient,
  withProject,
  type Project,
} from './project.ts';

const altering = {
  '0001_t.up.sql': 'CREATE TABLE t (x int)',
  '0002_y.up.sql': 'CREATE TABLE made_first (); ALTER TABLE t ADD COLUMN y int',
};

/** Runs the test while an open transaction has read from `t`, which ALTER TABLE can't pass. */
function whileRead(
  project: Project,
  test: (reader: pg.Client, pid: number) => Promise<void>,
): Promise<void> {
  return withClient(project.url, async (reader) => {
    await reader.query('BEGIN; SELECT * FROM t');
    const { rows } = await reader.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await test(reader, rows[0]?.pid ?? 0);
  });
}

function withWay(way: string, project: Project, test: (project: Project) => Promise<void>) {
  if (way === 'directly') return test(project);
  return withPooler(project.url, 4, (url) => test(projectOn(url, project.root)));
}

/** Asks for rows of `t` one query after the other until told to stop; answers the longest wait. */
function readAllTheTime(url: string): () => Promise<number> {
  const stopped = new AbortController();
  let longest = 0;
  const reading = withClient(url, async (client) => {
    while (!stopped.signal.aborted) {
      const started = performance.now();
      await client.query('SELECT count(*) FROM t');
      longest = Math.max(longest, performance.now() - started);
    }
  });
  return async () => {
    stopped.abort();
    await reading;
    return longest;
  };
}

/** Waits until some session of dbops has queued for a lock on `t` and failed, so often. */
async function untilQueued(client: pg.Client, times: number): Promise<void> {
  let seen = 0;
  let waiting = false;
  await until(async () => {
    const { rows } = await client.query(
      `SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted AND mode = 'AccessExclusiveLock'
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    if (waiting && rows.length === 0) seen += 1;
    waiting = rows.length > 0;
    return seen >= times;
  });
}

describe.each(servers)('a migration that waits for a table on $name', (server) => {
  const it = inTurn(server, servers);
  it('lets other readers pass between its attempts, and succeeds in the end', () =>
    withProject(server, altering, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      const lockTimeout = 200;
      await whileRead(project, async (reader) => {
        const up = project.dbops('migrate', 'up', '--lock-timeout', `${lockTimeout}ms`);
        const stopReading = readAllTheTime(project.url);
        await withClient(project.url, (observer) => untilQueued(observer, 3));
        expect(await stopReading()).toBeLessThan(lockTimeout + 1_000);
        expect(await exists(project, 'made_first')).toBe(false);
        await reader.query('COMMIT');
        const answer = await up;
        expect(answer.exitCode).toBe(0);
        expect(answer.stderr).toContain('0002_y is waiting for a lock');
      });
      expect(await project.query('SELECT y FROM t')).toEqual([]);
      expect(await tracked(project)).toEqual(['0001_t', '0002_y']);
    }));

  it.each([
    ['', 'with the timeout that it has by itself'],
    ['--lock-timeout 50ms', 'with a short one'],
    ['--lock-timeout 0', 'with none'],
  ])('leaves with 7 when its patience is over, naming who is in the way (%s)', (flags) =>
    withProject(server, altering, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      await whileRead(project, async (_, pid) => {
        const words = flags ? flags.split(' ') : [];
        const { exitCode, error } = await project.json(
          'migrate',
          'up',
          '--wait',
          '500ms',
          ...words,
        );
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.TABLE' });
        expect(error?.message).toContain(`pid ${pid} (the application, user postgres`);
        expect(error?.message).toContain('idle in transaction');
      });
      expect(await exists(project, 'made_first')).toBe(false);
      expect(await tracked(project)).toEqual(['0001_t']);
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
    }),
  );

  it('outside a transaction keeps what was applied, and resumes there', () =>
    withProject(
      server,
      { ...altering, '0002_y.up.sql': `-- dbops: no-transaction\n${altering['0002_y.up.sql']}` },
      async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        await whileRead(project, async (_, pid) => {
          const { exitCode, error } = await project.json('migrate', 'up', '--wait', '300ms');
          expect(exitCode).toBe(7);
          expect(error?.message).toContain(`pid ${pid}`);
        });
        expect(await exists(project, 'made_first')).toBe(true);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      },
    ));

  it.each(['directly', 'behind a pooler'])(
    'lets others pass where no transaction may hold the statement, %s',
    (way) =>
      withProject(
        server,
        {
          '0001_t.up.sql': altering['0001_t.up.sql'],
          '0002_full.up.sql': '-- dbops: no-transaction\nVACUUM FULL t;',
        },
        async (project) => {
          await project.dbops('migrate', 'up', '--steps', '1');
          await whileRead(project, (reader) =>
            withWay(way, project, async ({ json }) => {
              const up = json('migrate', 'up', '--lock-timeout', '200ms', '--wait', '20s');
              await withClient(project.url, (observer) => untilQueued(observer, 2));
              await reader.query('COMMIT');
              expect(await up).toMatchObject({ exitCode: 0 });
            }),
          );
        },
      ),
  );

  it('takes the timeout of its own directive', () =>
    withProject(
      server,
      { ...altering, '0002_y.up.sql': '-- dbops: lock-timeout 30ms\nALTER TABLE t ADD y int' },
      async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        await whileRead(project, async (reader) => {
          const up = project.json('migrate', 'up', '--lock-timeout', '1h');
          await withClient(project.url, (observer) => untilQueued(observer, 2));
          await reader.query('COMMIT');
          expect(await up).toMatchObject({ exitCode: 0 });
        });
      },
    ));

  it('is tried again when it is the victim of a deadlock', () =>
    withProject(
      server,
      {
        '0001_two.up.sql': 'CREATE TABLE a (x int); CREATE TABLE b (x int)',
        // The migration looks for a deadlock at once, the application never: the victim is known.
        '0002_both.up.sql': `SET LOCAL deadlock_timeout = '10ms'; SET LOCAL lock_timeout = 0;
          ALTER TABLE a ADD y int; SELECT pg_advisory_xact_lock_shared(1); ALTER TABLE b ADD y int`,
      },
      async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        await withClient(project.url, (application) =>
          withClient(project.url, async (gate) => {
            await gate.query('SELECT pg_advisory_lock(1)');
            await application.query(`SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE b`);
            const up = project.dbops('migrate', 'up');
            const isWaited = (what: string) =>
              until(async () => {
                const sql = `SELECT FROM pg_locks WHERE NOT granted AND ${what}
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
                return (await gate.query(sql)).rows.length > 0;
              });
            await isWaited(`locktype = 'advisory' AND pid <> pg_backend_pid()`);
            const locking = application.query('LOCK TABLE a');
            await isWaited(`relation = 'a'::regclass`);
            await gate.query('SELECT pg_advisory_unlock(1)');
            await locking; // granted, because the migration is rolled back
            await application.query('COMMIT');
            const answer = await up;
            expect(answer.stderr).toContain('0002_both is waiting for a lock');
            expect(answer.exitCode).toBe(0);
          }),
        );
        expect(await project.query('SELECT a.y, b.y FROM a, b')).toEqual([]);
      },
    ));
});
