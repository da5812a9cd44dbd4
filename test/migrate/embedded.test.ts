import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { isLongRun } from '../cases.ts';
import { enginesOf, isRunning } from '../db/engines.ts';
import { withSession } from '../db/session.ts';
import { targets } from '../db/targets.ts';
import { byState, tracked, until, withProject, type Project, type Running } from './project.ts';

// PGlite opens in half a second, and on a busy machine in several.
vi.setConfig({ testTimeout: 60_000 });

const embedded = targets.filter(({ kind }) => kind === 'pglite');

const folder = {
  '0001_a.up.sql': 'CREATE TABLE a AS SELECT 1 AS x',
  '0002_slow.up.sql': 'CREATE TABLE b (); SELECT pg_sleep(4)',
  '0003_c.up.sql': 'CREATE TABLE c ()',
};

const directoryOf = ({ url }: Project) => url.slice('pglite:'.length);
const lockOf = (project: Project) => `${directoryOf(project)}.lock`;

/** The engine sleeps in a loop, so a run that is not to be interrupted does not wait. */
const awaken = (project: Project) => project.write({ '0002_slow.up.sql': 'CREATE TABLE b ()' });

/** Starts `migrate up`, and waits until it says that it has the database open. */
async function startUp(project: Project, ...words: string[]): Promise<Running> {
  const running = project.start('migrate', 'up', ...words);
  let said = '';
  running.child.stderr?.on('data', (chunk) => (said += String(chunk)));
  await until(async () => said.includes('target  pglite:'));
  return running;
}

describe.each(embedded)('an embedded database in a directory', (target) => {
  it('keeps its rows between processes, and nothing beside its directory', () =>
    withProject(target, folder, async (project) => {
      const first = project.start('migrate', 'up', '--steps', '1');
      expect(await first.answer).toMatchObject({ exitCode: 0 });
      const second = project.start('migrate', 'status', '--json');
      const { exitCode, stdout } = await second.answer;
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ counts: { applied: 1, pending: 2 } });
      expect(await project.query('SELECT x FROM a')).toEqual([{ x: 1 }]);
      const directory = directoryOf(project);
      expect(readdirSync(dirname(directory))).toEqual([basename(directory)]);
    }));

  it('has the extensions that its folder asks for, in every run', () =>
    withProject(
      target,
      { '0001_a.up.sql': 'CREATE EXTENSION citext; CREATE TABLE a (x citext UNIQUE)' },
      async (project) => {
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        project.write({ '0002_b.up.sql': `INSERT INTO a VALUES ('Ann'), ('ANN')` });
        const { exitCode, error } = await project.json('migrate', 'up');
        expect(exitCode).toBe(1);
        expect(error?.message).toContain('duplicate key');
      },
    ));

  it('is open in one process at a time', () =>
    withProject(target, folder, async (project) => {
      const { child, answer } = await startUp(project);
      const holders = readdirSync(lockOf(project)).map((name) => name.replace(/-.*/, ''));
      expect(holders.toSorted()).toEqual([String(child.pid), 'engine'].toSorted());
      const refused = await project.json('migrate', 'status');
      expect(refused).toMatchObject({ exitCode: 7, error: { code: 'LOCK.EMBEDDED' } });
      expect(refused.error?.message).toContain(`process ${child.pid}`);
      expect(await answer).toMatchObject({ exitCode: 0 });
      expect(existsSync(lockOf(project))).toBe(false);
      expect(await project.json('migrate', 'status', '--check')).toMatchObject({ exitCode: 0 });
    }));

  it('is open once in this process, too', () =>
    withProject(target, folder, async (project) => {
      const both = await Promise.all([
        project.json('migrate', 'up', '--steps', '1'),
        project.json('migrate', 'up', '--steps', '1'),
      ]);
      expect(both.map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 7]);
    }));

  it.each([
    ['of a dead process', deadPid],
    ['of an earlier container whose process had our number', () => String(process.pid)],
    ['that nobody wrote into', () => ''],
    ['that holds nonsense', () => 'nonsense'],
  ])('takes over a lock file %s', (_, content) =>
    withProject(target, folder, async (project) => {
      writeFileSync(lockOf(project), content());
      expect(await project.json('migrate', 'status')).toMatchObject({ exitCode: 0 });
      expect(existsSync(lockOf(project))).toBe(false);
    }),
  );

  it.each(['SIGINT', 'SIGTERM'] as const)('is usable after %s', (signal) =>
    withProject(target, folder, async (project) => {
      const { child, answer } = await startUp(project);
      child.kill(signal);
      const { exitCode, stderr } = await answer;
      expect(exitCode).toBe(130);
      expect(stderr).toContain('To continue: dbops migrate up');
      expect(existsSync(lockOf(project))).toBe(false);
      awaken(project);
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await tracked(project)).toEqual(['0001_a', '0002_slow', '0003_c']);
    }),
  );

  it('keeps what was committed when its engine dies, and says that the engine died', () =>
    withProject(target, folder, async (project) => {
      const { child, answer } = await startUp(project);
      await until(async () => enginesOf(child.pid ?? 0).length > 0);
      for (const engine of enginesOf(child.pid ?? 0)) process.kill(engine, 'SIGKILL');
      const { exitCode, stderr } = await answer;
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('The embedded PostgreSQL engine stopped (SIGKILL)'),
      });
      expect(existsSync(lockOf(project))).toBe(false);
      awaken(project);
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await tracked(project)).toEqual(['0001_a', '0002_slow', '0003_c']);
    }));

  it.each(isLongRun ? [100, 300, 500, 700, 900, 1200] : [100, 500, 900])(
    'has each applied migration whole after its engine was killed %s ms after the start',
    (delay) =>
      withProject(target, numbered(30), async (project) => {
        const { child, answer } = project.start('migrate', 'up');
        await until(async () => enginesOf(child.pid ?? 0).length > 0);
        setTimeout(() => {
          for (const engine of enginesOf(child.pid ?? 0)) process.kill(engine, 'SIGKILL');
        }, delay);
        await answer;
        const rows = `SELECT count(*)::int AS n FROM pg_class WHERE relname ~ '^t[0-9]+$'`;
        await withSession(project.url, async (session) => {
          const applied = await tracked(session).catch(() => []);
          expect(await session.query(rows)).toEqual([{ n: applied.length }]);
        });
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await project.query(rows)).toEqual([{ n: 30 }]);
      }),
  );

  it.each(['SIGKILL', 'SIGINT'] as const)('leaves no engine behind after %s', (signal) =>
    withProject(target, endless, async (project) => {
      const { child, answer } = await startUp(project);
      await until(async () => enginesOf(child.pid ?? 0).length > 0);
      const engines = enginesOf(child.pid ?? 0);
      child.kill(signal);
      if (signal === 'SIGINT') child.kill(signal);
      await answer;
      await until(async () => !engines.some(isRunning));
      expect(await project.json('migrate', 'status')).toMatchObject({ exitCode: 0 });
    }),
  );

  it('is usable after SIGKILL', () =>
    withProject(target, folder, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      const { child, answer } = await startUp(project);
      child.kill('SIGKILL');
      await answer;
      awaken(project);
      const next = await project.json('migrate', 'up');
      expect(next.error).toBeUndefined();
      expect(byState(next)['done']).toContain('0003_c');
      expect(await tracked(project)).toEqual(['0001_a', '0002_slow', '0003_c']);
    }));
});

const endless = { '0001_a.up.sql': 'DO $$ BEGIN LOOP END LOOP; END $$' };

function numbered(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, at) => String(at + 1).padStart(4, '0'));
  return Object.fromEntries(
    names.map((name) => [
      `${name}_t.up.sql`,
      `CREATE TABLE t${name} AS SELECT generate_series(1, 500) AS x`,
    ]),
  );
}

/** The number of a process that has ended. */
function deadPid(): string {
  return String(spawnSync(process.execPath, ['-e', '']).pid);
}
