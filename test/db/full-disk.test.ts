import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, inject, it, vi } from 'vitest';
import { runCli } from '../cli/run-cli.ts';
import { projectOn, withProject, writeFolder, type Project } from '../migrate/project.ts';
import { giveTo, serverUser } from './server-user.ts';
import { newest } from './targets.ts';

vi.setConfig({ testTimeout: 240_000 });

/** Only root may mount a disk that can be filled. */
const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0;

/** Runs the test with a disk of its own. */
async function withDisk(megabytes: number, test: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(inject('scratch'), 'disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  try {
    await test(folder);
  } finally {
    execFileSync('umount', ['--lazy', folder]);
  }
}

/** Leaves no free block on a disk. @returns what frees it */
function fill(folder: string): () => void {
  const file = join(folder, 'filler');
  spawnSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=4k']);
  return () => rmSync(file);
}

const rows = (count: number) =>
  `INSERT INTO t SELECT n, repeat('x', 300) FROM generate_series(1, ${count}) n`;

const files = { '0001_t.up.sql': 'CREATE TABLE t (id int PRIMARY KEY, v text)' };

const countOf = async (project: Project) => {
  const [row] = await project.query<{ n: number }>('SELECT count(v)::int AS n FROM t');
  return row?.n;
};

describe.runIf(mayMount && inject('pglite'))('a full disk under an embedded database', () => {
  const withEmbedded = (test: (project: Project, disk: string) => Promise<void>) =>
    withDisk(64, async (disk) => {
      const project = projectOn(`pglite:${join(disk, 'data')}`, writeFolder(files));
      expect((await project.json('migrate', 'up')).error).toBeUndefined();
      await test(project, disk);
    });

  it('ends a migration with an error; the directory opens again and takes a smaller one', () =>
    withEmbedded(async (project) => {
      project.write({ '0002_fill.up.sql': rows(300_000) });
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/No space left|disk/),
      });
      expect(await countOf(project)).toBe(0);
      project.write({ '0002_fill.up.sql': rows(2_000) });
      expect((await project.json('migrate', 'up')).error).toBeUndefined();
      expect(await countOf(project)).toBe(2_000);
    }));

  it('stops a rescue copy before anything is destroyed', () =>
    withEmbedded(async (project, disk) => {
      await project.query(rows(10_000));
      project.write({ '0002_less.up.sql': 'ALTER TABLE t DROP COLUMN v' });
      const free = fill(disk);
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      free();
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/No space left|disk/),
      });
      expect(await countOf(project)).toBe(10_000);
      expect(await project.json('migrate', 'up')).toMatchObject({
        exitCode: 0,
        rescued: [{ rows: 10_000 }],
      });
    }));
});

describe.runIf(mayMount && inject('pglite'))('a full disk under the cache', () => {
  it('is a cache that cannot be written: the answer is the same', () =>
    withDisk(1, async (disk) => {
      fill(disk);
      const root = writeFolder(files);
      const environment = {
        DATABASE_URL: `pglite:${join(root, 'data')}`,
        DBOPS_CACHE_DIR: join(disk, 'cache'),
        NO_COLOR: '1',
      };
      for (const words of [
        ['migrate', 'up'],
        ['verify', 'schema'],
        ['verify', 'schema'],
      ]) {
        const { exitCode, stderr } = await runCli(words, { environment, cwd: root });
        expect({ words, exitCode, stderr }).toMatchObject({ exitCode: 0 });
      }
    }));
});

describe.runIf(mayMount).each(newest)('a full disk under $name', (server) => {
  /** Tables of the test are on the disk; the WAL of the server is not. */
  const withTablespace = (test: (project: Project, disk: string) => Promise<void>) =>
    withDisk(24, async (disk) => {
      const location = join(disk, 'space');
      mkdirSync(location);
      giveTo(serverUser(), disk);
      const admin = new pg.Client(server.adminUrl);
      await admin.connect();
      await admin.query(`CREATE TABLESPACE small LOCATION '${location}'`);
      try {
        await withProject(server, files, async (project) => {
          await project.query(`DO $$ BEGIN EXECUTE
            format('ALTER DATABASE %I SET default_tablespace = small', current_database()); END $$`);
          expect((await project.json('migrate', 'up')).error).toBeUndefined();
          await test(project, disk);
        });
      } finally {
        await admin.query('DROP TABLESPACE small');
        await admin.end();
      }
    });

  it('ends a migration, a rescue copy and a backfill with an error, and says what to do', () =>
    withTablespace(async (project, disk) => {
      await project.query(rows(10_000));
      await project.query('ALTER TABLE t ADD COLUMN w text');
      project.write({ '0002_more.up.sql': rows(10_000).replace('n,', 'n + 10000,') });
      const full = (error: unknown) =>
        expect(error).toMatchObject({
          exitCode: 1,
          error: { hint: expect.stringMatching(/^Free disk space/) },
        });
      let free = fill(disk);
      full(await project.json('migrate', 'up'));
      const backfill = ['backfill', 'run', '--table', 't', '--set', 'w = v'];
      full(await project.json(...backfill));
      free();
      expect(await project.json(...backfill, '--remove-trigger')).toMatchObject({
        exitCode: 0,
        rowsDone: 10_000,
      });
      project.write({ '0002_more.up.sql': 'ALTER TABLE t DROP COLUMN v' });
      free = fill(disk);
      full(await project.json('migrate', 'up'));
      free();
      expect(await countOf(project)).toBe(10_000);
      expect(await project.json('migrate', 'up')).toMatchObject({
        exitCode: 0,
        rescued: [{ rows: 10_000 }],
      });
    }));
});
