import { resolveBinary } from 'dbmate';
import { describe, expect, it } from 'vitest';
import { runShell } from '../cli/run-cli.ts';
import { newest, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  shadowsOn,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { filesOf, mixed } from './mixed.ts';
import { describeInterop } from './peer.ts';

const dbmate = (command: string, { root, url }: Pick<Project, 'root' | 'url'>) =>
  runShell(`'${resolveBinary()}' --no-dump-schema ${command}`, {
    cwd: root,
    environment: { DATABASE_URL: `${url}?sslmode=disable` },
  });

const files = (count: number) =>
  filesOf(
    count,
    ({ name }, index) => `db/migrations/${20260101000000 + index}_${name}.sql`,
    ({ up: sql, down, alone }) => {
      const options = alone ? ' transaction:false' : '';
      return `-- migrate:up${options}\n${sql}\n\n-- migrate:down${options}\n${down}\n`;
    },
  );

async function up(project: Pick<Project, 'root' | 'url'>): Promise<number> {
  const { exitCode, stdout, stderr } = await dbmate('migrate', project);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout.match(/^Applied: /gm)?.length ?? 0;
}

describeInterop({
  tool: 'dbmate 2.36',
  format: 'dbmate',
  count: mixed.length,
  files,
  up,
  rows: 'SELECT version FROM public.schema_migrations ORDER BY version',
});

describe.each(newest)('a dbmate folder on $name', (server) => {
  const withFiles = (written: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) =>
      test(projectOn(url, writeProject({ ...shadowsOn(server), ...written }))),
    );

  it('is rolled back by either of the two', () =>
    withFiles(files(mixed.length), async (project) => {
      expect((await dbmate('migrate', project)).exitCode).toBe(0);
      expect((await project.json('migrate', 'down', '--steps', '7')).exitCode).toBe(0);
      expect((await dbmate('status', project)).stdout).toContain('Pending: 7');
      expect((await dbmate('rollback', project)).exitCode).toBe(0);
      expect(byState(await project.json('migrate', 'status'))['pending']).toHaveLength(8);
      expect((await project.json('migrate', 'down', '--to', '0')).exitCode).toBe(0);
      expect(await exists(project, 'public.people')).toBe(false);
      expect(await project.query('SELECT FROM public.schema_migrations')).toEqual([]);
    }));

  it('stays whole where dbmate leaves half of a file with two pairs of sections', async () => {
    const pair = (name: string) =>
      `-- migrate:up\nCREATE TABLE ${name} ();\n-- migrate:down\nDROP TABLE ${name};\n`;
    const written = { 'db/migrations/1_twice.sql': pair('a') + pair('b') };
    await withFiles(written, async (project) => {
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('1_twice has several up or down sections');
      expect(await exists(project, 'public.a')).toBe(false);
      expect((await dbmate('migrate', project)).stderr).toContain('duplicate key');
      expect(await exists(project, 'public.a')).toBe(true);
    });
  });

  it('may leave the search path elsewhere, and have several statements that stand alone', async () => {
    const written = {
      'db/migrations/1_path.sql':
        '-- migrate:up\nSET search_path TO pg_temp;\nCREATE TABLE public.a (id int);\n-- migrate:down\nDROP TABLE a;\n',
      'db/migrations/2_alone.sql':
        '-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY a1 ON a (id);\nCREATE INDEX CONCURRENTLY a2 ON a (id);\n-- migrate:down\nDROP INDEX a1, a2;\n',
    };
    await withFiles(written, async (project) => {
      expect((await dbmate('migrate', project)).exitCode).not.toBe(0);
      expect((await project.json('migrate', 'up')).exitCode).toBe(0);
      expect((await dbmate('status', project)).stdout).toContain('Pending: 0');
      expect(await exists(project, 'public.a2')).toBe(true);
    });
  });

  it('reports a version that no file has, and two files with one version', () =>
    withFiles(files(2), async (project) => {
      expect((await dbmate('migrate', project)).exitCode).toBe(0);
      await project.query("INSERT INTO public.schema_migrations VALUES ('20250101')");
      const twin = { ...files(2), 'db/migrations/20260101000001_twin.sql': '-- migrate:up\n' };
      const status = await projectOn(project.url, writeProject(twin)).json('migrate', 'status');
      expect(byState(status)).toEqual({
        applied: ['20260101000000_people', '20260101000001_state'],
        duplicate: ['20260101000001_twin'],
        'missing-file': ['20250101'],
      });
    }));
});
