import { describe, expect, it } from 'vitest';
import { isIgnored, isNameIgnored, type Scope } from '../../src/catalog/ignored.ts';
import type { SchemaObject } from '../../src/catalog/kinds/kind.ts';
import { relocated } from '../../src/catalog/relocation.ts';
import { isLongRun } from '../cases.ts';
import { inTurn, newest, servers } from '../db/targets.ts';
import { withProject, withServerShadow, writeInto, type Project } from '../migrate/project.ts';

const files = {
  '0001_accounts.up.sql': 'CREATE TABLE accounts (id int PRIMARY KEY)',
  '0002_plan.up.sql': `ALTER TABLE accounts ADD COLUMN plan text`,
};

const others = [
  'CREATE SCHEMA jobs',
  'CREATE TABLE jobs.queue (id serial PRIMARY KEY, account int REFERENCES public.accounts)',
  'INSERT INTO jobs.queue DEFAULT VALUES',
  'CREATE VIEW jobs.open AS SELECT id FROM jobs.queue',
  `CREATE FUNCTION jobs.next() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  'CREATE SCHEMA audit',
  'CREATE TABLE audit.log (id int)',
  'CREATE TABLE public.tmp_import (id int PRIMARY KEY, note text)',
];

async function expectClean({ dbops: run, query }: Project): Promise<void> {
  expect(await run('verify')).toMatchObject({ exitCode: 0 });
  expect(await run('repair-tracking')).toMatchObject({ exitCode: 0 });
  expect(await run('migrate', 'status')).toMatchObject({ exitCode: 0 });
  const live = ['--dry-run', '--shadow-from', 'live'];
  expect(await run('migrate', 'down', ...live)).toMatchObject({ exitCode: 0 });
  await query('DROP SCHEMA dbops CASCADE');
  expect(await run('migrate', 'baseline', '--dry-run')).toMatchObject({ exitCode: 0 });
}

describe.each(servers)('objects of another application on $name', (server) => {
  const it = inTurn(server, servers);
  it.each([
    ['schemas and ignore', { schemas: ['public'], ignore: ['extra-table:public.tmp_*'] }],
    ['ignore alone', { ignore: ['jobs.*', 'audit.*', 'public.tmp_*'] }],
  ])('are left out of every command by %s', (_, settings) =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      for (const sql of others) await project.query(sql);
      writeInto(project.root, {
        'dbops.config.json': JSON.stringify({ ...settings, shadowUrl: server.adminUrl }),
      });
      await expectClean(project);
    }),
  );

  it('may be tracking tables of other folders', () =>
    withServerShadow(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      for (const sql of [
        'CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz)',
        'CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int)',
        'CREATE SCHEMA drizzle',
        'CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)',
        'CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50))',
      ])
        await project.query(sql);
      await expectClean(project);
    }));
});

// The embedded engine opens with the extensions that the migrations create, and this one is created by hand.
describe.each(isLongRun ? servers : newest)(
  'an extension of another application on $name',
  (target) => {
    it('may be in a schema of its own', () =>
      withProject(
        target,
        {
          '0001_citext.up.sql': 'CREATE EXTENSION IF NOT EXISTS citext',
          '0002_mail.up.sql': `CREATE TABLE mail (address citext DEFAULT 'a'::citext CHECK (address <> ''::citext))`,
          '0003_index.up.sql': 'CREATE INDEX mail_lower ON mail (lower(address::text))',
        },
        async (project) => {
          await project.query('CREATE SCHEMA extensions');
          await project.query('CREATE EXTENSION citext SCHEMA extensions');
          const [row] = await project.query<{ name: string }>('SELECT current_database() AS name');
          await project.query(`ALTER DATABASE ${row?.name} SET search_path = public, extensions`);
          {
            await project.dbops('migrate', 'up');
            writeInto(project.root, { 'dbops.config.json': '{ "schemas": ["public"] }' });
            expect(await project.dbops('verify', 'schema')).toMatchObject({ exitCode: 0 });
            const repair = await project.dbops('repair-tracking');
            expect(repair).toMatchObject({ exitCode: 0 });
            expect(repair.stdout).not.toContain('partial');
            await project.query('DROP SCHEMA dbops CASCADE');
            const baseline = await project.dbops('migrate', 'baseline', '--dry-run');
            expect(baseline).toMatchObject({ exitCode: 0 });
          }
        },
      ));
  },
);

describe.each(newest)('advice about an object that no migration creates on $name', (server) => {
  const helpAfter = (sql: string[]) => {
    let stdout = '';
    return withServerShadow(server, files, async ({ dbops: run, query }) => {
      await run('migrate', 'up');
      for (const statement of sql) await query(statement);
      ({ stdout } = await run('verify', 'schema'));
    }).then(() => stdout);
  };

  it.each([
    ['a table', ['CREATE TABLE extra (id int)'], 'INSERT INTO extra VALUES (1)', 'DROP TABLE'],
    [
      'a schema',
      ['CREATE SCHEMA s', 'CREATE TABLE s.t (id int)'],
      'INSERT INTO s.t VALUES (1)',
      'DROP SCHEMA',
    ],
    [
      'a column',
      ['ALTER TABLE accounts ADD COLUMN extra int'],
      'INSERT INTO accounts VALUES (1)',
      'DROP COLUMN',
    ],
  ])('prints no statement that drops %s with rows', async (_, empty, insert, drop) => {
    expect(await helpAfter(empty)).toContain(drop);
    const withRows = await helpAfter([...empty, insert]);
    expect(withRows).not.toMatch(/DROP (?:TABLE|SCHEMA|COLUMN)/);
    expect(withRows).toContain('dbops.config.ts');
  });
});

describe('an object', () => {
  const table = (schema: string, name: string) => ({ kind: 'table', schema, parent: '', name });
  const column = { kind: 'column', schema: 'a', parent: 't', name: 'c' };
  const schema = { kind: 'schema', schema: '', parent: '', name: 'audit' };
  const extension = { kind: 'extension', schema: '', parent: '', name: 'citext' };

  it.each<[string, Parameters<typeof isIgnored>[0], Scope, boolean]>([
    ['of another schema', table('b', 't'), { schemas: ['a'], ignore: [] }, true],
    ['of a schema of the application', table('a', 't'), { schemas: ['a'], ignore: [] }, false],
    ['outside schemas', extension, { schemas: ['a'], ignore: [] }, false],
    ['that a pattern matches', table('a', 'tmp_1'), { ignore: ['a.tmp_*'] }, true],
    ['whose table a pattern matches', column, { ignore: ['a.t'] }, true],
    ['that is a schema, all of which a pattern matches', schema, { ignore: ['audit.*'] }, true],
    ['that is part of a longer name', table('a', 'tmp'), { ignore: ['a.tm'] }, false],
    ['whose name needs quotes', table('a', 'Big'), { ignore: ['a."Big"'] }, true],
  ])('%s', (_, object, scope, expected) => expect(isIgnored(object, scope)).toBe(expected));

  it.each([
    ['public.t', false],
    ['i on public.t', false],
    ['jobs.t', true],
    ['i on jobs.t', true],
    ['"My Jobs".t', true],
    ['public.f(jobs.t)', false],
    ['citext', false],
  ])('is left out of findings by its name %s', (name, expected) =>
    expect(isNameIgnored(name, { schemas: ['public'], ignore: [] })).toBe(expected),
  );
});

describe('an extension in another schema than expected', () => {
  const object = (kind: string, name: string, rest: Partial<SchemaObject>): SchemaObject => {
    return { kind, schema: '', parent: '', name, properties: {}, expressions: {}, ...rest };
  };
  const inSchema = (schema: string, prefix: string) => [
    object('extension', 'citext', { properties: { schema } }),
    object('column', 'mail', {
      properties: { type: `${prefix}.citext`, options: [`a=${prefix}.citext[]`] },
      expressions: {
        default: `${prefix}.citext('a') || other.citext('b') || ${prefix}.citexts()`,
        check: `a OPERATOR(${prefix}.<>) b AND a OPERATOR(${prefix}.<) b AND a OPERATOR(${prefix}.<=) b`,
      },
    }),
  ];
  const kept = `other.citext('b')`;

  it.each([
    ['extensions', 'extensions'],
    ['My Extensions', '"My Extensions"'],
  ])('is compared as if it were there: %s', (schema, prefix) => {
    const extensions = [{ name: 'citext', schema, members: ['citext', 'citext_eq', '<>', '<'] }];
    const [extension, column] = relocated(
      inSchema(schema, prefix),
      inSchema('public', 'public'),
      extensions,
    );
    expect(extension?.properties).toEqual({ schema: 'public' });
    expect(column?.properties).toEqual({ type: 'public.citext', options: ['a=public.citext[]'] });
    const text = `public.citext('a') || ${kept} || ${prefix}.citexts()`;
    const check = `a OPERATOR(public.<>) b AND a OPERATOR(public.<) b AND a OPERATOR(${prefix}.<=) b`;
    expect(column?.expressions).toEqual({ default: text, check });
  });
});
