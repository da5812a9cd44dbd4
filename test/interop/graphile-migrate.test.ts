import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runShell } from '../cli/run-cli.ts';
import { newest, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { commit, mixedDrafts, type Draft } from './graphile-project.ts';
import { describeInterop } from './peer.ts';
import { expectToolLock, recordLocks } from './tool-lock.ts';

const program = resolve(import.meta.dirname, '../../node_modules/graphile-migrate/dist/cli.js');

const migrate = ({ root, url }: Pick<Project, 'root' | 'url'>) =>
  runShell(`'${process.execPath}' '${program}' migrate`, {
    cwd: root,
    environment: { DATABASE_URL: url },
  });

const files = (drafts: readonly Draft[]) => ({ '.gmrc': '{}', ...commit(drafts) });

async function up(project: Pick<Project, 'root' | 'url'>): Promise<number> {
  const { exitCode, stdout, stderr } = await migrate(project);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  if (stdout.includes('Already up to date')) return 0;
  return Number(/(\d+) committed migrations executed/.exec(stdout)?.[1]);
}

describeInterop({
  tool: 'graphile-migrate 1.4.1',
  format: 'graphile-migrate',
  count: mixedDrafts.length,
  files: (count) => files(mixedDrafts.slice(0, count)),
  up,
  rows: 'SELECT hash, previous_hash, filename FROM graphile_migrate.migrations ORDER BY filename',
});

describe.each(newest)('a graphile-migrate folder on $name', (server) => {
  const drafts = [{ body: 'CREATE TABLE a (id int);' }, { body: 'CREATE TABLE b (id int);' }];
  const committed = commit(drafts);
  const second = 'migrations/committed/000002.sql';
  const withFiles = (written: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) =>
      test(projectOn(url, writeProject({ '.gmrc': '{}', ...written }))),
    );

  it('is locked by dbops as by the tool', () =>
    withFiles(commit([{ body: recordLocks }]), async (ours) => {
      expect((await ours.json('migrate', 'up')).exitCode).toBe(0);
      await withFiles(commit([{ body: recordLocks }]), async (theirs) => {
        expect((await migrate(theirs)).exitCode).toBe(0);
        await expectToolLock(ours, theirs);
      });
    }));

  it('shows an edit of an applied file, which the tool does not see', () =>
    withFiles(committed, async (project) => {
      expect((await migrate(project)).exitCode).toBe(0);
      writeInto(project.root, {
        [second]: (committed[second] ?? '').replace('id int', 'id bigint'),
      });
      expect((await migrate(project)).stdout).toContain('Already up to date');
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(6);
      expect(byState(status)).toEqual({ applied: ['000001'], edited: ['000002'] });
      expect((await project.json('migrate', 'up')).error?.code).toBe('TRACKING.DESYNCHRONISED');
    }));

  it('runs nothing at all when a pending file was edited, where the tool runs what is before it', () =>
    withFiles(
      { ...committed, [second]: (committed[second] ?? '').replace('id int', 'id bigint') },
      async (project) => {
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect(exitCode).toBe(2);
        expect(stderr).toContain('000002 was edited after it was committed');
        expect(await exists(project, 'public.a')).toBe(false);
        expect((await migrate(project)).stderr).toContain('has the file been tampered with');
        expect(await exists(project, 'public.a')).toBe(true);
      },
    ));

  it('runs an edited file that allows it, as the tool does', async () => {
    const allowed = (committed[second] ?? '')
      .replace('\n\n', '\n--! AllowInvalidHash\n\n')
      .replace('id int', 'id bigint');
    await withFiles({ ...committed, [second]: allowed }, async (project) => {
      expect((await project.json('migrate', 'up')).exitCode).toBe(0);
      expect((await migrate(project)).stdout).toContain('Already up to date');
      expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
    });
  });

  it('is refused with CRLF line endings by both', async () => {
    const crlf = { ...committed, [second]: (committed[second] ?? '').replaceAll('\n', '\r\n') };
    await withFiles(crlf, async (project) => {
      expect((await migrate(project)).exitCode).not.toBe(0);
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('.gitattributes');
    });
  });

  it('has its placeholders replaced as by the tool', async () => {
    const settings = { '.gmrc': `{ /* JSON5 */ placeholders: { ':A_TABLE': 'a' } }` };
    const body = `CREATE TABLE :A_TABLE (id int);
COMMENT ON DATABASE :DATABASE_NAME IS 'of :DATABASE_OWNER, not :DATABASE_OWNERS';
GRANT CONNECT ON DATABASE :DATABASE_NAME TO :DATABASE_OWNER;`;
    const written = { ...commit([{ body }]), ...settings };
    const commentOf = async ({ query }: Project) => {
      const [row] = await query<{ comment: string }>(
        `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = current_database()`,
      );
      return row?.comment;
    };
    await withFiles(written, async (ours) => {
      expect((await ours.json('migrate', 'up')).exitCode).toBe(0);
      await withFiles(written, async (theirs) => {
        expect((await migrate(theirs)).exitCode).toBe(0);
        expect(await commentOf(ours)).toBe(await commentOf(theirs));
        expect(await commentOf(ours)).toBe('of postgres, not :DATABASE_OWNERS');
      });
    });
  });
});
