import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newest } from '../db/targets.ts';
import { withProject, type Project } from '../migrate/project.ts';

const users = { '0001_users.up.sql': 'CREATE TABLE users (id int PRIMARY KEY)' };

function configure({ root }: Project, settings: Record<string, unknown>): string {
  writeFileSync(join(root, 'dbops.config.json'), JSON.stringify(settings));
  return join(root, 'db/schema.sql');
}

describe.each(newest)('schemaFile on $name', (server) => {
  it('is written after up and down, and not with --no-schema-file', () =>
    withProject(server, users, async (project) => {
      const file = configure(project, { schemaFile: 'db/schema.sql' });
      expect(await project.json('migrate', 'up')).toMatchObject({
        exitCode: 0,
        schemaFile: { file: 'db/schema.sql', changed: true },
      });
      expect(readFileSync(file, 'utf8')).toContain('CREATE TABLE public.users');
      expect(await project.json('schema', 'dump', '--check')).toMatchObject({ exitCode: 0 });
      project.write({ '0002_b.up.sql': 'CREATE TABLE b (id int)' });
      await project.dbops('migrate', 'up', '--no-schema-file');
      expect(await project.json('schema', 'dump', '--check')).toMatchObject({ exitCode: 4 });
      await project.dbops('migrate', 'down');
      expect(await project.json('schema', 'dump', '--check')).toMatchObject({ exitCode: 0 });
    }));

  it('reports the migrations as applied where the file cannot be written', () =>
    withProject(
      server,
      {
        ...users,
        '0002_b.up.sql': 'CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
      },
      async (project) => {
        const file = configure(project, { schemaFile: 'db/schema.sql' });
        const up = await project.json('migrate', 'up');
        expect(up).toMatchObject({ exitCode: 1, error: { code: 'SCHEMA.UNSUPPORTED' } });
        expect(up.migrations.map(({ state }) => state)).toEqual(['done', 'done']);
        expect(up.error?.message).toContain('The migrations were run');
        expect(existsSync(file)).toBe(false);
      },
    ));

  it('is not written from a protected database', () =>
    withProject(server, users, async (project) => {
      const file = configure(project, { schemaFile: 'db/schema.sql' });
      await project.dbops('env', 'set', 'production');
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(existsSync(file)).toBe(false);
    }));
});

const changing: [what: string, sql: string, schema: Record<string, unknown[]>][] = [
  [
    'created, altered and dropped objects',
    `DROP VIEW emails; CREATE TYPE "Mood" AS ENUM ('a'); CREATE TABLE notes (id int, mood "Mood"); CREATE INDEX ON users (email);
     ALTER TABLE users ALTER email TYPE varchar(9), ALTER email SET NOT NULL, DROP COLUMN old`,
    {
      created: [
        { kind: 'type', object: 'public."Mood"' },
        { kind: 'table', object: 'public.notes' },
        { kind: 'index', object: 'users_email_idx on public.users' },
      ],
      altered: [
        {
          kind: 'column',
          object: 'email on public.users',
          changes: ['not null from false to true', 'type from text to character varying(9)'],
        },
      ],
      dropped: [
        { kind: 'column', object: 'old on public.users' },
        { kind: 'view', object: 'public.emails' },
      ],
    },
  ],
  [
    'privileges and functions',
    `GRANT SELECT ON users TO pg_monitor; CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2'`,
    {
      created: [],
      altered: [
        {
          kind: 'function',
          object: 'public.one()',
          changes: ['source from SELECT 1 to SELECT 2'],
        },
        { kind: 'grants', object: 'public.users', changes: ['pg_monitor from none to ["SELECT"]'] },
      ],
      dropped: [],
    },
  ],
  ['no change', 'SELECT 1', { created: [], altered: [], dropped: [] }],
];

describe.each(newest)('migrate up --dry-run on $name', (server) => {
  it.each(changing)('prints %s', (_, sql, schema) =>
    withProject(
      server,
      {
        '0001_a.up.sql': `CREATE TABLE users (id int, email text, old int); CREATE VIEW emails AS SELECT email FROM users WHERE false;
          CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        project.write({ '0002_b.up.sql': sql });
        expect((await project.json('migrate', 'up', '--dry-run'))['schema']).toEqual(schema);
        const { stdout } = await project.dbops('migrate', 'up', '--dry-run');
        for (const { kind, object } of schema['created'] as { kind: string; object: string }[])
          expect(stdout).toContain(`--   creates ${kind} ${object}`);
      },
    ),
  );

  it('says why the changes are not known where the migrations do not replay', () =>
    withProject(server, { '0001_a.up.sql': 'ALTER TABLE missing ADD a int' }, async (project) => {
      const { exitCode, stdout } = await project.dbops('migrate', 'up', '--dry-run');
      expect(exitCode).toBe(0);
      expect(stdout).toContain('-- the changes of the schema are not known');
    }));
});
