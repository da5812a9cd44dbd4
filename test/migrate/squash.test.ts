import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { readJson } from '../../src/text-file.ts';
import { inTurn, newest, newestAndEmbedded, withDatabase, type Target } from '../db/targets.ts';
import { writers, type FormatName } from '../repair/desync/folders.ts';
import type { MigrationText } from '../repair/desync/turnover.ts';
import { commitAll } from './git.ts';
import {
  exists,
  projectOn,
  tracked,
  withServerShadow,
  writeProject,
  type Project,
} from './project.ts';

const steps: MigrationText[] = [
  { slug: 'users', sql: 'CREATE TABLE users (id int PRIMARY KEY);' },
  {
    slug: 'first_user',
    sql: `SET search_path TO pg_catalog;\nINSERT INTO public.users VALUES (1);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS users_id ON public.users (id);`,
  },
  { slug: 'email', sql: `ALTER TABLE users ADD COLUMN email text -- may be empty` },
  { slug: 'notes', sql: 'CREATE TABLE notes (id int);' },
];

interface Tool {
  format: FormatName;
  table: string;
  /** The rows of the squashed and of the following migration; the last one where none can follow. */
  rows: unknown[];
  file: string;
  extra?: Record<string, string>;
  to?: string;
}

const tools: Tool[] = [
  {
    format: 'prisma',
    table: 'SELECT migration_name AS name FROM _prisma_migrations ORDER BY started_at',
    rows: ['20260103000000_squashed', '20260104000000_notes'],
    file: 'prisma/migrations/20260103000000_squashed/migration.sql',
  },
  {
    format: 'drizzle',
    table: 'SELECT created_at::text AS name FROM drizzle.__drizzle_migrations ORDER BY id',
    rows: ['1767398400000', '1767484800000'],
    file: 'drizzle/0002_squashed.sql',
  },
  {
    format: 'drizzle 1.0',
    table: 'SELECT name FROM drizzle.__drizzle_migrations ORDER BY id',
    rows: ['20260103000000_squashed', '20260104000000_notes'],
    file: 'drizzle/20260103000000_squashed/migration.sql',
  },
  {
    format: 'supabase',
    table: `SELECT version || '_' || name AS name FROM supabase_migrations.schema_migrations ORDER BY 1`,
    rows: ['20260103000000_squashed', '20260104000000_notes'],
    file: 'supabase/migrations/20260103000000_squashed.sql',
    extra: { 'supabase/config.toml': '' },
  },
  {
    format: 'dbmate',
    table: 'SELECT version AS name FROM schema_migrations ORDER BY 1',
    rows: ['20260103000000', '20260104000000'],
    file: 'migrations/20260103000000_squashed.sql',
  },
  {
    format: 'node-pg-migrate',
    table: 'SELECT name FROM pgmigrations ORDER BY run_on, id',
    rows: ['1767225600002_squashed', '1767225600003_notes'],
    file: 'migrations/1767225600002_squashed.sql',
  },
  {
    format: 'graphile-migrate',
    table: 'SELECT filename AS name FROM graphile_migrate.migrations ORDER BY 1',
    rows: ['000004.sql'],
    file: 'migrations/committed/000004-squashed.sql',
    to: '000004-notes',
    extra: { '.gmrc': '{}' },
  },
  {
    format: 'dbops',
    table: 'SELECT name FROM dbops.migrations ORDER BY applied_at',
    rows: ['0003_squashed', '0004_notes'],
    file: 'migrations/0003_squashed.up.sql',
  },
];

const flagsOf = ({ format }: Tool) => ['--format', format.replace(/ .*/, '')];

async function withApplied(target: Target, tool: Tool, test: (project: Project) => Promise<void>) {
  const directive = tool.format === 'dbops' ? '-- dbops: no-transaction\n' : '';
  const texts = steps.map((each) => ({ ...each, sql: `${directive}${each.sql}` }));
  const written = await writers[tool.format](texts);
  await withDatabase(target, async (url) => {
    const config = JSON.stringify(target.kind === 'server' ? { shadowUrl: target.adminUrl } : {});
    const all = { ...tool.extra, ...written, 'dbops.config.json': config };
    const project = projectOn(url, writeProject(all));
    expect(await project.json('migrate', 'up', ...flagsOf(tool))).toMatchObject({ exitCode: 0 });
    await test(project);
  });
}

const rowsOf = async ({ query }: Project, { table }: Tool) =>
  (await query<{ name: string }>(table)).map(({ name }) => name);

const lastOf = async (project: Project, tool: Tool) => {
  const { migrations } = await project.json('migrate', 'status', ...flagsOf(tool));
  return tool.to ?? migrations[2]?.name ?? '';
};

/** A shadow costs five times as much where it is embedded. */
const mostlyNewest = [...Array.from({ length: 6 }, () => newest).flat(), ...newestAndEmbedded];

describe.each(newestAndEmbedded)('migrate squash on $name', (target) => {
  const it = inTurn(target, mostlyNewest);

  it.each(tools)('replaces the files and the rows, of $format', (tool) =>
    withApplied(target, tool, async (project) => {
      const before = await project.query(tool.table);
      const words = ['--to', await lastOf(project, tool), ...flagsOf(tool)];
      const done = await project.json('migrate', 'squash', ...words);
      expect(done).toMatchObject({
        exitCode: 0,
        proven: true,
        rows: 'all',
        written: expect.arrayContaining([tool.file]),
        data: [{ sql: 'INSERT INTO public.users VALUES (1)' }],
        notes: [expect.stringContaining('CONCURRENTLY')],
      });
      expect(await rowsOf(project, tool)).toEqual(tool.rows);
      const status = await project.json('migrate', 'status', '--check', ...flagsOf(tool));
      expect(status).toMatchObject({ exitCode: 0 });
      expect(status.migrations).toHaveLength(tool.rows.length);
      expect(await project.json('migrate', 'up', ...flagsOf(tool))).toMatchObject({
        exitCode: 0,
        migrations: [],
      });
      const text = readFileSync(`${project.root}/${tool.file}`, 'utf8');
      for (const { slug } of steps.slice(0, 3)) expect(text.replaceAll('-', '_')).toContain(slug);
      await withDatabase(target, async (url) => {
        const fresh = projectOn(url, project.root);
        const { exitCode, migrations } = await fresh.json('migrate', 'up', ...flagsOf(tool));
        expect({ exitCode, length: migrations.length }).toEqual({
          exitCode: 0,
          length: tool.rows.length,
        });
        expect(await fresh.query('SELECT id FROM users')).toEqual([{ id: 1 }]);
      });
      const undone = await project.json('repair-tracking', '--undo', ...flagsOf(tool));
      expect(undone).toMatchObject({ exitCode: 0 });
      expect(await project.query(tool.table)).toEqual(before);
      // As on another database, to which the squashed folder is deployed.
      const repaired = await project.json('repair-tracking', '--apply', ...flagsOf(tool));
      expect(repaired).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(await rowsOf(project, tool)).toEqual(tool.rows);
      expect(await project.json('migrate', 'up', ...flagsOf(tool))).toMatchObject({ exitCode: 0 });
    }),
  );
});

describe.each(newest)('migrate squash of a folder of drizzle-kit on $name', (server) => {
  it('keeps the last snapshot, after the one before the first', () =>
    withDatabase(server, async (url) => {
      const project = projectOn(url, writeProject({}));
      cpSync('test/fixtures/e-commerce/drizzle', `${project.root}/drizzle`, { recursive: true });
      const words = ['--from', '0001_brave_marina', '--to', '0003_mellow_quill'];
      const done = await project.json('migrate', 'squash', ...words);
      expect(done).toMatchObject({ exitCode: 0, rows: 'none', name: '0003_squashed' });
      const meta = `${project.root}/drizzle/meta`;
      const snapshots = readdirSync(meta).filter((file) => file.endsWith('_snapshot.json'));
      const parsed = snapshots
        .toSorted()
        .map((file) => snapshot.parse(readJson(`${meta}/${file}`)));
      expect(parsed).toHaveLength(5);
      expect(parsed.slice(1).map(({ prevId }) => prevId)).toEqual(
        parsed.slice(0, -1).map(({ id }) => id),
      );
      expect((await project.json('migrate', 'up')).migrations).toHaveLength(5);
    }));
});

const snapshot = z.object({ id: z.string(), prevId: z.string() });

const files = {
  '0001_a.up.sql': 'CREATE TABLE a (id int);',
  '0001_a.down.sql': 'DROP TABLE a;',
  '0002_b.up.sql': 'CREATE TABLE b (id int);',
  '0002_b.down.sql': 'DROP TABLE b;',
  '0003_c.up.sql': 'CREATE TABLE c (id int);',
  '0003_c.down.sql': 'DROP TABLE c;',
};
const inFolder = ({ root }: Project) => readdirSync(`${root}/migrations`).toSorted();

describe.each(newest)('migrate squash of a folder of dbops on $name', (server) => {
  it('writes the down files in reverse order, which roll it back', () =>
    withServerShadow(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.dbops('migrate', 'squash', '--to', '0002_b', '--name', 'start');
      expect(inFolder(project)).toEqual([
        '0002_start.down.sql',
        '0002_start.up.sql',
        '0003_c.down.sql',
        '0003_c.up.sql',
      ]);
      expect(await project.dbops('migrate', 'down', '--to', '0')).toMatchObject({ exitCode: 0 });
      expect(await exists(project, 'a')).toBe(false);
    }));

  it.each([
    { what: 'a file is not committed', code: 'SQUASH.UNCOMMITTED', words: ['--to', '0002_b'] },
    { what: 'some are not applied', code: 'SQUASH.PARTLY', words: ['--to', '0003_c'] },
    { what: 'a name is unknown', code: 'MIGRATION.UNKNOWN', words: ['--to', '0009'] },
    { what: 'the range has one migration', code: 'SQUASH.NOTHING', words: ['--to', '0001_a'] },
  ])('changes nothing where $what', ({ code, words }) =>
    withServerShadow(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '2');
      commitAll(project.root);
      project.write({ '0001_a.down.sql': 'DROP TABLE IF EXISTS a;' });
      const { exitCode, error } = await project.json('migrate', 'squash', ...words);
      expect({ exitCode, code: error?.code }).toEqual({
        exitCode: code === 'SQUASH.PARTLY' ? 6 : 2,
        code,
      });
      expect(inFolder(project)).toEqual(Object.keys(files).toSorted());
      expect(await tracked(project)).toEqual(['0001_a', '0002_b']);
    }),
  );

  it('refuses a file whose statements cannot share a transaction', () =>
    withServerShadow(server, enumFiles, async (project) => {
      await project.dbops('migrate', 'up');
      const words = ['--from', '0002_b', '--to', '0003_c'];
      const { exitCode, error } = await project.json('migrate', 'squash', ...words);
      expect({ exitCode, code: error?.code }).toEqual({ exitCode: 1, code: 'SQUASH.REPLAY' });
      expect(inFolder(project)).toEqual(Object.keys(enumFiles));
    }));

  it.each([
    { when: 'its new file was written', isRecorded: false, removed: [] },
    { when: 'its row was written', isRecorded: true, removed: [] },
    { when: 'the first file was removed', isRecorded: true, removed: ['0001_a'] },
  ])('finishes a run that was interrupted after $when', ({ isRecorded, removed }) =>
    withServerShadow(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.dbops('migrate', 'squash', '--to', '0002_b');
      if (!isRecorded) await project.dbops('repair-tracking', '--undo');
      const restored = Object.entries(files).filter(
        ([file]) => /000[12]/.test(file) && !removed.some((name) => file.startsWith(name)),
      );
      project.write(Object.fromEntries(restored));
      const again = await project.json('migrate', 'squash', '--to', '0002_b');
      expect(again).toMatchObject({ exitCode: 0, rows: isRecorded ? 'done' : 'all' });
      expect(inFolder(project)).toHaveLength(4);
      expect(await tracked(project)).toEqual(['0002_squashed', '0003_c']);
    }),
  );

  it('keeps down files that are nowhere else, except by force', () =>
    withServerShadow(server, { ...files, '0002_b.down.sql': '' }, async (project) => {
      rmSync(`${project.root}/migrations/0002_b.down.sql`);
      const words = ['migrate', 'squash', '--to', '0002_b'];
      expect(await project.json(...words)).toMatchObject({
        exitCode: 2,
        error: { code: 'SQUASH.UNCOMMITTED' },
      });
      expect(inFolder(project)).toHaveLength(5);
      expect(await project.json(...words, '--force')).toMatchObject({ exitCode: 0, rows: 'none' });
      expect(inFolder(project)).toEqual([
        '0002_squashed.up.sql',
        '0003_c.down.sql',
        '0003_c.up.sql',
      ]);
    }));

  it('squashes a squashed file, and names the rows that it replaced', () =>
    withServerShadow(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.dbops('migrate', 'squash', '--to', '0002_b');
      expect(await project.dbops('migrate', 'squash', '--to', '0003_c')).toMatchObject({
        exitCode: 0,
      });
      expect(await tracked(project)).toEqual(['0003_squashed']);
      await project.dbops('repair-tracking', '--undo');
      await project.dbops('repair-tracking', '--undo');
      expect(await tracked(project)).toEqual(['0001_a', '0002_b', '0003_c']);
      await project.dbops('repair-tracking', '--apply');
      expect(await tracked(project)).toEqual(['0003_squashed']);
    }));

  it('refuses rows of which it is not certain whose they are', () =>
    withDatabase(server, async (url) => {
      const written = await writers['drizzle 1.0'](steps);
      const project = projectOn(url, writeProject(written));
      await project.dbops('migrate', 'up');
      // As Drizzle 0.x writes them.
      await project.query('UPDATE drizzle.__drizzle_migrations SET name = NULL');
      const refused = await project.json('migrate', 'squash', '--to', '20260103000000_email');
      expect(refused).toMatchObject({ exitCode: 6, error: { code: 'SQUASH.PARTLY' } });
    }));

  it('needs the consent of a protected database', () =>
    withServerShadow(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.dbops('env', 'set', 'production');
      const refused = await project.json('migrate', 'squash', '--to', '0002_b', '--yes');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'CONSENT.NEEDED' } });
      expect(inFolder(project)).toEqual(Object.keys(files).toSorted());
    }));
});

const enumFiles = {
  '0001_a.up.sql': "CREATE TYPE plan AS ENUM ('free');",
  '0002_b.up.sql': "ALTER TYPE plan ADD VALUE 'pro';",
  '0003_c.up.sql': "CREATE TABLE accounts (plan plan DEFAULT 'pro');",
};
