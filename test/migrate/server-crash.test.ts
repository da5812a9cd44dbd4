import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { startServer, type RunningServer } from '../db/server.ts';
import { giveTo, serverUser } from '../db/server-user.ts';
import { newest } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  tracked,
  untilRunning,
  withClient,
  writeFolder,
  type Project,
} from './project.ts';

const files = {
  '0001_a.up.sql': 'CREATE TABLE a ()',
  '0002_b.up.sql': 'CREATE TABLE b ()',
  '0003_c.up.sql': 'CREATE TABLE c ()',
  '0004_long.up.sql': 'SELECT pg_sleep(60)',
};

/** A server of its own, which a test may crash: a crash ends the sessions of all. */
async function withServer(major: number, test: (server: RunningServer) => Promise<void>) {
  const user = serverUser();
  const folder = join(inject('scratch'), `crash-${process.pid}-${Math.random()}`);
  await mkdir(folder);
  giveTo(user, folder);
  const running = await startServer(major, folder, user);
  try {
    await test(running);
  } finally {
    await running.stop();
  }
}

describe.each(newest)('a crash of $name in the middle of a run', ({ major }) => {
  it('loses commits, and that is reported', () =>
    withServer(major, async ({ server: { adminUrl } }) => {
      const project = projectOn(adminUrl, writeFolder(files));
      const { exitCode, error, ...up } = await upUntil(project, '60s', (pid) =>
        process.kill(pid, 'SIGKILL'),
      );
      expect(exitCode).toBe(3);
      const stand = await tracked(project);
      expect(stand).not.toContain('0003_c');
      expect(error?.message).toMatch(/A server crash lost .*0003_c/);
      expect(byState({ exitCode, ...up })['done'] ?? []).toEqual(stand);
      expect(await exists(project, 'c')).toBe(false);

      project.write({ '0004_long.up.sql': 'SELECT' });
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await tracked(project)).toEqual(['0001_a', '0002_b', '0003_c', '0004_long']);
    }));

  it('in the first file: the server is waited for, and says that it was rolled back', () =>
    withServer(major, async ({ server: { adminUrl } }) => {
      const long = { '0001_long.up.sql': 'CREATE TABLE a (); SELECT pg_sleep(60)' };
      const project = projectOn(adminUrl, writeFolder(long));
      const { exitCode, error } = await upUntil(project, '60s', (pid) =>
        process.kill(pid, 'SIGKILL'),
      );
      expect(exitCode).toBe(3);
      expect(error?.message).toContain('It was rolled back');
      expect(await exists(project, 'a')).toBe(false);
    }));

  it('after which it does not start again: what remains applied is reported as unknown', () =>
    withServer(major, async ({ server: { adminUrl }, stop }) => {
      const project = projectOn(adminUrl, writeFolder(files));
      const { exitCode, error } = await upUntil(project, '1s', stop);
      expect(exitCode).toBe(3);
      expect(error?.message).toContain('may be lost');
    }));
});

/** `migrate up`, and what happens while its last migration runs. */
async function upUntil(project: Project, patience: string, happens: (pid: number) => unknown) {
  // As on any server that is not a test's; and nothing brings commits to the disk by the way.
  await project.query('ALTER DATABASE postgres SET synchronous_commit = on');
  await project.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
  await project.query('SELECT pg_reload_conf()');
  const up = project.json('migrate', 'up', '--wait', patience);
  const pid = await withClient(project.url, (observer) => untilRunning(observer, '%pg_sleep(60)%'));
  await happens(pid);
  return up;
}
