import { describe, expect } from 'vitest';
import { inTurn, mostlyServers, targets, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, withAnyShadow, writeInto, writeProject, type Project } from './project.ts';
import { commitAll } from './git.ts';

const base = 'CREATE TABLE users (id int PRIMARY KEY, name text);';
const files = {
  '0001_users.up.sql': base,
  '0002_phone.up.sql': 'ALTER TABLE users ADD COLUMN note text; CREATE TABLE custmers (id int);',
};
const edited =
  'ALTER TABLE users ADD COLUMN note text, ADD mail text; CREATE TABLE customers (id int);';

const withApplied = (target: Target, test: (project: Project) => Promise<void>) =>
  withAnyShadow(target, files, async (project) => {
    await project.dbops('migrate', 'up');
    await project.query(`INSERT INTO users VALUES (1, 'Ada', 'kept')`);
    await test(project);
  });

const tables = async ({ query }: Pick<Project, 'query'>) =>
  (
    await query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    )
  ).map(({ name }) => name);

describe.each(targets)('the newest applied migration, edited since, on $name', (target) => {
  const it = inTurn(target, mostlyServers);

  it('is named by up, with the command that applies the edit', () =>
    withApplied(target, async (project) => {
      project.write({ '0002_phone.up.sql': edited });
      const { exitCode, error } = await project.json('migrate', 'up');
      expect(exitCode).toBe(6);
      expect(error?.hint).toContain('dbops migrate redo');
    }));

  it('is rolled back as it was applied, and applied as it is now; its values are restored', () =>
    withApplied(target, async (project) => {
      project.write({ '0002_phone.up.sql': edited });
      const redo = await project.dbops('migrate', 'redo');
      expect(redo).toMatchObject({ exitCode: 0 });
      expect(redo.stderr).toContain('comes from the schema of the database');
      expect(await tables(project)).toEqual(['customers', 'users']);
      expect(await project.query('SELECT * FROM users')).toEqual([
        { id: 1, name: 'Ada', note: 'kept', mail: null },
      ]);
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await project.dbops('verify', 'schema')).toMatchObject({ exitCode: 0 });
    }));

  it('is rolled back only, by down, and then pending', () =>
    withApplied(target, async (project) => {
      project.write({ '0002_phone.up.sql': edited });
      expect(await project.dbops('migrate', 'down')).toMatchObject({ exitCode: 0 });
      expect(await tables(project)).toEqual(['users']);
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await tables(project)).toEqual(['customers', 'users']);
    }));

  it('leaves tables alone that it did not create', () =>
    withApplied(target, async (project) => {
      await project.query('CREATE TABLE by_hand AS SELECT 1 AS id');
      project.write({ '0002_phone.up.sql': edited });
      expect(await project.dbops('migrate', 'redo')).toMatchObject({ exitCode: 0 });
      expect(await tables(project)).toEqual(['by_hand', 'customers', 'users']);
      expect(await project.query('SELECT id FROM by_hand')).toEqual([{ id: 1 }]);
    }));

  it('is applied after its empty template was, by accident', () =>
    withAnyShadow(
      target,
      { '0001_users.up.sql': base, '0002_new.up.sql': '-- Write SQL here\nSELECT;\n' },
      async (project) => {
        await project.dbops('migrate', 'up');
        project.write({ '0002_new.up.sql': edited });
        expect(await project.dbops('migrate', 'redo')).toMatchObject({ exitCode: 0 });
        expect(await tables(project)).toEqual(['customers', 'users']);
      },
    ));

  it('comes from git where it was committed', () =>
    withApplied(target, async (project) => {
      commitAll(`${project.root}/migrations`);
      project.write({ '0002_phone.up.sql': edited });
      const redo = await project.dbops('migrate', 'redo');
      expect(redo).toMatchObject({ exitCode: 0 });
      expect(redo.stderr).toMatch(/comes from git \([0-9a-f]{12}\)/);
      expect(await tables(project)).toEqual(['customers', 'users']);
    }));

  it('changes nothing in a dry run', () =>
    withApplied(target, async (project) => {
      project.write({ '0002_phone.up.sql': edited });
      const { exitCode, stdout } = await project.dbops('migrate', 'redo', '--dry-run');
      expect(exitCode).toBe(0);
      expect(stdout).toContain('DROP TABLE "public"."custmers"');
      expect(await tables(project)).toEqual(['custmers', 'users']);
    }));

  it('is refused on a protected database, and where an older one was edited too', () =>
    withApplied(target, async (project) => {
      project.write({ '0002_phone.up.sql': edited });
      project.write({ '0001_users.up.sql': `${base} -- reviewed` });
      expect((await project.dbops('migrate', 'redo')).exitCode).toBe(6);
      project.write({ '0001_users.up.sql': base });
      await project.dbops('env', 'set', 'production');
      expect((await project.dbops('migrate', 'redo')).exitCode).toBe(6);
      expect(await tables(project)).toEqual(['custmers', 'users']);
    }));

  it.each([
    {
      tool: 'prisma',
      all: {
        'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n}\n',
        'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
        'prisma/migrations/20240101000000_users/migration.sql': base,
        'prisma/migrations/20240102000000_more/migration.sql': files['0002_phone.up.sql'],
      },
      file: 'prisma/migrations/20240102000000_more/migration.sql',
    },
    {
      tool: 'drizzle',
      all: {
        'drizzle/meta/_journal.json': JSON.stringify({
          version: '7',
          dialect: 'postgresql',
          entries: [
            { idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_users', breakpoints: true },
            { idx: 1, version: '7', when: 1_700_000_001_000, tag: '0001_more', breakpoints: true },
          ],
        }),
        'drizzle/0000_users.sql': base,
        'drizzle/0001_more.sql': files['0002_phone.up.sql'],
      },
      file: 'drizzle/0001_more.sql',
    },
  ])('is redone in a folder of $tool, whose table then has the hash of the edit', ({ all, file }) =>
    withDatabase(target, async (url) => {
      const project = projectOn(url, writeProject(all));
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
      writeInto(project.root, { [file]: edited });
      const redo = await project.dbops('migrate', 'redo');
      expect(redo).toMatchObject({ exitCode: 0 });
      expect(await tables(project)).toEqual(expect.arrayContaining(['customers', 'users']));
      expect(await tables(project)).not.toContain('custmers');
      expect(await project.dbops('migrate', 'status', '--check')).toMatchObject({ exitCode: 0 });
    }),
  );
});
