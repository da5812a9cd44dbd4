import type pg from 'pg';
import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { catalogOf } from '../reference/catalog.ts';
import {
  byState,
  exists,
  tracked,
  until,
  untilRunning,
  withClient,
  withProject,
  type Project,
} from './project.ts';

const folder = {
  '0001_a.up.sql': 'CREATE TABLE a ()',
  '0002_slow.up.sql': 'CREATE TABLE half (); SELECT pg_sleep(60)',
  '0003_c.up.sql': 'CREATE TABLE c ()',
};

/** The file as it would be without its long statement; its hash is another, and it is pending. */
const mended = { '0002_slow.up.sql': 'CREATE TABLE half ()' };

/** Starts `migrate up`, and hands over when it is in the middle of the slow file. */
function inTheMiddle(
  project: Project,
  test: (running: ReturnType<Project['start']>, pid: number) => Promise<void>,
): Promise<void> {
  return withClient(project.url, async (observer) => {
    const running = project.start('migrate', 'up');
    await test(running, await untilRunning(observer, '%pg_sleep(60)%'));
  });
}

describe.each(servers)('migrate up on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(['SIGINT', 'SIGTERM'] as const)('rolls back at once on %s', (signal) =>
    withProject(server, folder, async (project) => {
      await inTheMiddle(project, async ({ child, answer }) => {
        const sent = performance.now();
        child.kill(signal);
        const { exitCode, stderr, stdout } = await answer;
        expect(performance.now() - sent).toBeLessThan(10_000);
        expect(exitCode).toBe(130);
        expect(stderr).toContain('Interrupted: 1 of 3 migrations were applied.');
        expect(stderr).toContain('rolled back');
        expect(stderr).toContain('To continue: dbops migrate up');
        expect(stdout).toMatch(/✓ 0001_a[^]*0002_slow  not run[^]*0003_c  not run/);
      });
      expect(await tracked(project)).toEqual(['0001_a']);
      expect(await exists(project, 'half')).toBe(false);

      project.write(mended);
      const next = await project.json('migrate', 'up', '--wait', '1ms');
      expect(byState(next)).toEqual({ done: ['0002_slow', '0003_c'] });
    }),
  );

  it('says so in JSON as well', () =>
    withProject(server, folder, (project) =>
      withClient(project.url, async (observer) => {
        const { child, answer } = project.start('migrate', 'up', '--json');
        await untilRunning(observer, '%pg_sleep(60)%');
        child.kill('SIGINT');
        const { exitCode, stdout } = await answer;
        expect(exitCode).toBe(130);
        expect(JSON.parse(stdout)).toMatchObject({
          ok: false,
          error: { code: 'INTERRUPTED' },
          migrations: [{ state: 'done' }, { state: 'not-run' }, { state: 'not-run' }],
        });
      }),
    ));

  it('stops waiting for another run on SIGINT', () =>
    withProject(server, folder, (project) =>
      inTheMiddle(project, async (first) => {
        const second = project.start('migrate', 'up');
        await withClient(project.url, (observer) => untilWaiting(observer));
        second.child.kill('SIGINT');
        expect(await second.answer).toMatchObject({ exitCode: 130 });
        first.child.kill('SIGINT');
        expect(await first.answer).toMatchObject({ exitCode: 130 });
      }),
    ));

  it('that is killed leaves the database as it was, and its lock to the next', () =>
    withProject(server, folder, async (project) => {
      await inTheMiddle(project, async ({ child, answer }) => {
        child.kill('SIGKILL');
        await answer;
      });
      project.write(mended);
      const next = await project.json('migrate', 'up', '--wait', '20s');
      expect(next.error).toBeUndefined();
      expect(byState(next)).toEqual({ done: ['0002_slow', '0003_c'] });
      expect(await tracked(project)).toEqual(['0001_a', '0002_slow', '0003_c']);
    }));

  it('says so when its connection is cut', () =>
    withProject(server, folder, async (project) => {
      await inTheMiddle(project, async ({ answer }, pid) => {
        await withClient(project.url, (admin) =>
          admin.query('SELECT pg_terminate_backend($1)', [pid]),
        );
        const { exitCode, stderr } = await answer;
        expect(exitCode).toBe(3);
        expect(stderr).toContain('0002_slow lost its connection');
        expect(stderr).toContain('dbops migrate status');
        expect(stderr).not.toMatch(/\n\s+at /);
      });
      expect(await tracked(project)).toEqual(['0001_a']);
      expect(await catalogOf(project)).toEqual(['relation public.a r p rls f f postgres']);
    }));
});

/** Waits until a session asks who holds the runner's lock. */
async function untilWaiting(observer: pg.Client): Promise<void> {
  await until(async () => {
    const { rows } = await observer.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'dbops%' AND query LIKE '%pg_locks%'`,
    );
    return rows.length > 0;
  });
}
