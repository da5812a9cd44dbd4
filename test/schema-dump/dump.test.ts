import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isLongRun } from '../cases.ts';
import { supabasePrelude } from '../../src/formats/supabase/prelude.ts';
import { menagerie, zoo } from '../catalog/zoo.ts';
import {
  casesOn,
  newest,
  servers,
  serversBetween,
  targets,
  withDatabase,
  type Target,
} from '../db/targets.ts';
import {
  bundledFolder,
  projectOn,
  withProject,
  withServerShadow,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { withWorkedProject } from '../worked-projects/worked-project.ts';
import { circles, families, names, ofPostgres18, rights } from './menagerie.ts';

const withoutOperator = Object.fromEntries(
  Object.entries(menagerie).map(([file, sql]) => [file, sql.replace(/CREATE OPERATOR .*;/, '')]),
);

const schemas: [string, Record<string, string>][] = [
  ['every kind of object', { ...zoo, ...withoutOperator }],
  [
    'circles, families, names and rights',
    {
      '0001_a.up.sql': circles,
      '0002_b.up.sql': rights,
      '0003_c.up.sql': families,
      '0004_d.up.sql': names,
    },
  ],
];

/** The columns in their order, which a comparison of catalogs leaves out. */
const columnsOf = ({ query }: Pick<Project, 'query'>) =>
  query(
    `SELECT attrelid::regclass::text AS "table", array_agg(attname::text ORDER BY attnum) AS columns
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c') AND attnum > 0 AND NOT attisdropped
        AND relnamespace::regnamespace::text !~ '^(pg_|information_schema|dbops|drizzle)' AND relname <> '_prisma_migrations'
      GROUP BY 1 ORDER BY 1`,
  );

async function dump(project: Project, ...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await project.dbops('schema', 'dump', ...words);
  expect(`${exitCode} ${stderr}`).toMatch(/^0 /);
  return stdout;
}

/** The dump of the live schema, of its replay, and of a database into which it was restored are the same. */
async function expectSameBytes(
  target: Target,
  project: Project,
  { prelude = '', file = 'migrations/0001_restored.up.sql', flags = [] as string[] } = {},
) {
  if (prelude) await project.query(prelude);
  const { error } = await project.json('migrate', 'up');
  expect(error).toBeUndefined();
  const sql = await dump(project, ...flags);
  expect(await dump(project, '--replayed', ...flags)).toBe(sql);
  const columns = await columnsOf(project);
  await withDatabase(target, async (url) => {
    const restored = projectOn(url, writeProject({ [file]: sql }));
    if (prelude) await restored.query(prelude);
    expect((await restored.json('migrate', 'up')).error).toBeUndefined();
    expect(await columnsOf(restored)).toEqual(columns);
    expect(await dump(restored, ...flags)).toBe(sql);
  });
}

const [first, second] = targets;
const oneEach = isLongRun ? targets : [first, second].filter((target) => target !== undefined);

describe.each(oneEach)('schema dump on $name', (target) => {
  it.each(casesOn(target, schemas, oneEach))(
    'writes the same bytes for a schema, its replay and its restored dump: %s',
    (_, files) => withProject(target, files, (project) => expectSameBytes(target, project)),
  );
});

const onPlatform = {
  prelude: supabasePrelude,
  file: 'supabase/migrations/20200101000000_restored.sql',
};
const every = [...servers, ...serversBetween];
const fixtures = readdirSync(resolve(import.meta.dirname, '../fixtures'));

/** `npm run test:long` restores every project on each major version. */
const restored = isLongRun
  ? [...fixtures, 'reference']
  : ['reference', 'starter-kit', 'credits', 'workshops'];

describe.each(every)('schema dump on $name', (server) => {
  // The shadow databases are on the same server, so that the dump is restored on each major version.
  const flags = ['--shadow-url', server.adminUrl];
  it.each(casesOn(server, restored, every))(
    'restores the worked project %s to the same schema',
    (name) =>
      name === 'reference'
        ? withProject(server, {}, async (project) => {
            writeInto(project.root, bundledFolder);
            await expectSameBytes(server, project, { flags });
          })
        : withWorkedProject(server, name, (project) =>
            expectSameBytes(server, project, { ...(name === 'starter-kit' && onPlatform), flags }),
          ),
  );
});

const small = {
  '0001_users.up.sql': 'CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL)',
};

describe.each(newest)('schema dump on $name', (server) => {
  it('writes what only this version of PostgreSQL has', () =>
    withProject(server, { '0001_a.up.sql': ofPostgres18 }, (project) =>
      expectSameBytes(server, project, { flags: ['--shadow-url', server.adminUrl] }),
    ));

  it('compares a file, shows what differs and the command that writes it', () =>
    withServerShadow(server, small, async (project) => {
      await project.dbops('migrate', 'up');
      await dump(project, 'schema.sql');
      expect(await dump(project, '--check', 'schema.sql')).toContain('✓ schema.sql matches');
      await project.query('ALTER TABLE public.users ADD COLUMN name text');
      const { exitCode, stdout } = await project.dbops('schema', 'dump', '--check', 'schema.sql');
      expect(exitCode).toBe(4);
      expect(stdout).toContain('+  name text,');
      expect(stdout).toContain('dbops schema dump schema.sql');
      expect(readFileSync(join(project.root, 'schema.sql'), 'utf8')).not.toContain('name text');
      const missing = await project.dbops('schema', 'dump', '--check', 'missing.sql');
      expect(missing).toMatchObject({ exitCode: 4 });
    }));

  it('names the objects that it cannot write, and writes no file', () =>
    withProject(server, small, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(
        'CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
      );
      const { exitCode, stderr } = await project.dbops('schema', 'dump', 'schema.sql');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('operator public.===(pg_catalog.text,pg_catalog.text)');
      expect(readdirSync(project.root)).not.toContain('schema.sql');
    }));

  it('leaves out what the configuration excludes, tracking tables and objects of dbops', () =>
    withProject(
      server,
      {
        '0001_a.up.sql': `CREATE SCHEMA app; CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
        CREATE TABLE app.users (email ext.citext, extra int CONSTRAINT odd CHECK (true)); CREATE TABLE app.tmp_a (id int); CREATE TABLE public.others (id int)`,
      },
      async (project) => {
        const config = {
          schemas: ['app'],
          shadowUrl: server.adminUrl,
          ignore: ['app.tmp_*', 'extra on app.users', 'odd on *'],
        };
        writeFileSync(join(project.root, 'dbops.config.json'), JSON.stringify(config));
        await project.dbops('migrate', 'up');
        await project.query('CREATE SCHEMA dbops_rescue; CREATE TABLE dbops_rescue.kept (id int)');
        const sql = await dump(project);
        expect(sql).toContain('CREATE TABLE app.users');
        expect(sql).toContain('CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA ext');
        expect(sql).not.toMatch(/tmp_a|others|kept|migrations \(|extra|odd/);
        expect(await dump(project, '--replayed')).toBe(sql);
      },
    ));

  it('leaves a schema public out that was dropped, and fills materialized views in their order', () =>
    withServerShadow(
      server,
      {
        '0001_a.up.sql': `CREATE SCHEMA app; CREATE TABLE app.a (id int); CREATE MATERIALIZED VIEW app.z AS SELECT * FROM app.a;
          CREATE MATERIALIZED VIEW app.b AS SELECT * FROM app.z; DROP SCHEMA public`,
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        const sql = await dump(project);
        expect(sql).toContain('DROP SCHEMA public;');
        expect(sql).toMatch(/REFRESH MATERIALIZED VIEW app.z;\s+REFRESH MATERIALIZED VIEW app.b;/);
        expect(await dump(project, '--replayed')).toBe(sql);
      },
    ));

  it('writes the schema of a database without migrations', () =>
    withServerShadow(server, {}, async (project) => {
      await project.query('CREATE TABLE public.legacy (id int); CREATE EXTENSION citext');
      const sql = await dump(project);
      expect(sql).toMatch(/CREATE EXTENSION IF NOT EXISTS citext[^]*CREATE TABLE public.legacy/);
    }));

  it('replays migrations that grant rights to roles of the server, without a database', () =>
    withProject(
      server,
      { '0001_a.up.sql': `CREATE TABLE a (id int); GRANT SELECT ON a TO "App user"` },
      async (project) => {
        const offline = projectOn('', project.root);
        expect(await dump(offline, '--replayed')).toContain(
          'GRANT SELECT ON TABLE public.a TO "App user"',
        );
      },
    ));
});
