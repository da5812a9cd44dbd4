import { describe, expect } from 'vitest';
import { app, inTurn, servers } from '../db/targets.ts';
import {
  byState,
  projectOn,
  tracked,
  until,
  untilRunning,
  withClient,
  withProject,
} from './project.ts';

const twenty = Array.from({ length: 20 }, (_, index) => String(index + 1).padStart(4, '0'));

/** Every file leaves a row: one that ran twice would leave two. */
const folder = Object.fromEntries(
  twenty.map((number) => [
    `${number}_m.up.sql`,
    number === '0001'
      ? 'CREATE TABLE ran (number text); INSERT INTO ran VALUES (1)'
      : `INSERT INTO ran VALUES (${number}); CREATE TABLE t_${number} ()`,
  ]),
);

const sleeper = { '0001_sleep.up.sql': 'SELECT pg_sleep(60)' };

describe.each(servers)('runners on $name', (server) => {
  const it = inTurn(server, servers);
  it('that start at once apply every migration once', () =>
    withProject(server, folder, async (project) => {
      const runners = Array.from({ length: 16 }, () => project.json('migrate', 'up'));
      const answers = await Promise.all(runners);
      expect(answers.map(({ exitCode }) => exitCode)).toEqual(answers.map(() => 0));
      const done = answers.flatMap((answer) => byState(answer)['done'] ?? []);
      expect(done.toSorted()).toEqual(twenty.map((number) => `${number}_m`));
      expect(await tracked(project)).toEqual(twenty.map((number) => `${number}_m`));
      expect(await project.query('SELECT count(*)::int AS rows FROM ran')).toEqual([{ rows: 20 }]);
    }));

  it('in processes of their own do so, too', () =>
    withProject(server, folder, async (project) => {
      const runners = Array.from({ length: 4 }, () => project.start('migrate', 'up').answer);
      const codes = (await Promise.all(runners)).map(({ exitCode }) => exitCode);
      expect(codes).toEqual([0, 0, 0, 0]);
      expect(await project.query('SELECT count(*)::int AS rows FROM ran')).toEqual([{ rows: 20 }]);
    }));

  it('sixty-four of them, some in processes of their own, leave with 0 and did everything once', () =>
    withProject(server, folder, async (project) => {
      const processes = Array.from({ length: 4 }, () => project.start('migrate', 'up').answer);
      const others = Array.from({ length: 60 }, () => project.dbops('migrate', 'up'));
      const codes = (await Promise.all([...processes, ...others])).map(({ exitCode }) => exitCode);
      expect(codes).toEqual(codes.map(() => 0));
      expect(await tracked(project)).toEqual(twenty.map((number) => `${number}_m`));
      expect(await project.query('SELECT count(*)::int AS rows FROM ran')).toEqual([{ rows: 20 }]);
    }));

  it('wait for a connection where the server has none to spare', () =>
    withProject(server, folder, async (project) => {
      const url = new URL(project.url);
      await project.query(`ALTER DATABASE ${url.pathname.slice(1)} OWNER TO ${app.user}`);
      await project.query(`ALTER DATABASE ${url.pathname.slice(1)} CONNECTION LIMIT 3`);
      [url.username, url.password] = [app.user, app.password];
      const limited = projectOn(url.href, project.root);
      const runners = Array.from({ length: 24 }, () => limited.json('migrate', 'up'));
      const answers = await Promise.all(runners);
      expect(answers.map(({ exitCode, error }) => error?.message ?? exitCode)).toEqual(
        answers.map(() => 0),
      );
      expect(await project.query('SELECT count(*)::int AS rows FROM ran')).toEqual([{ rows: 20 }]);
    }));

  it('leave with 7 when their patience is over, and say who has the lock', () =>
    withProject(server, sleeper, (project) =>
      withClient(project.url, async (observer) => {
        const first = project.dbops('migrate', 'up');
        const pid = await untilRunning(observer, '%pg_sleep(60)%');
        for (const verb of ['up', 'down']) {
          const second = await project.json('migrate', verb, '--wait', '300ms');
          if (verb === 'down') expect(second).toMatchObject({ exitCode: 0, migrations: [] });
          else {
            expect(second).toMatchObject({ exitCode: 7, error: { code: 'LOCK.RUNNER' } });
            expect(second.error?.message).toContain(`pid ${pid} (dbops migrate up, user postgres`);
            expect(second.error?.message).toContain('pg_sleep(60)');
          }
        }
        await observer.query('SELECT pg_cancel_backend($1)', [pid]);
        expect(await first).toMatchObject({ exitCode: 1 });
      }),
    ));

  it('of two databases do not wait for each other', () =>
    withProject(server, sleeper, (one) =>
      withProject(server, folder, (two) =>
        withClient(one.url, async (observer) => {
          const first = one.dbops('migrate', 'up');
          const pid = await untilRunning(observer, '%pg_sleep(60)%');
          expect(await two.json('migrate', 'up', '--wait', '1ms')).toMatchObject({ exitCode: 0 });
          await observer.query('SELECT pg_cancel_backend($1)', [pid]);
          await first;
        }),
      ),
    ));

  it('of two folders do', () =>
    withProject(server, sleeper, (one) =>
      withProject(server, folder, ({ root }) =>
        withClient(one.url, async (observer) => {
          const first = one.dbops('migrate', 'up');
          const pid = await untilRunning(observer, '%pg_sleep(60)%');
          const second = await projectOn(one.url, root).json('migrate', 'up', '--wait', '1ms');
          expect(second).toMatchObject({ exitCode: 7 });
          await observer.query('SELECT pg_cancel_backend($1)', [pid]);
          await first;
        }),
      ),
    ));

  it('that wait do not hold up CREATE INDEX CONCURRENTLY of the one that works', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (x int)',
        '0002_i.up.sql':
          '-- dbops: no-transaction\nSELECT pg_sleep(1);\nCREATE INDEX CONCURRENTLY t_x ON t (x);\nSELECT pg_sleep(1);\nDROP INDEX CONCURRENTLY t_x;',
      },
      async (project) => {
        const runners = Array.from({ length: 6 }, () => project.json('migrate', 'up'));
        const codes = (await Promise.all(runners)).map(({ exitCode }) => exitCode);
        expect(codes).toEqual(codes.map(() => 0));
        expect(await tracked(project)).toEqual(['0001_t', '0002_i']);
      },
    ));

  it('leave no session and no lock behind', () =>
    withProject(server, folder, async (project) => {
      await Promise.all([project.json('migrate', 'up'), project.json('migrate', 'up')]);
      const left = await withClient(project.url, (observer) =>
        until(async () => {
          const { rows } = await observer.query(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'dbops%'
             UNION ALL SELECT FROM pg_locks WHERE locktype = 'advisory'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
          );
          return rows.length === 0 && 'nothing';
        }),
      );
      expect(left).toBe('nothing');
    }));
});
