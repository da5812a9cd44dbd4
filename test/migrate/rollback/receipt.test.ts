import { describe, expect, it } from 'vitest';
import { inTurn, mostlyServers, servers, targets } from '../../db/targets.ts';
import { withAnyShadow } from '../project.ts';

describe.each(targets)('the receipt of a rollback, on $name', (target) => {
  const it = inTurn(target, mostlyServers);
  it('says in which direction each column changes', () =>
    withAnyShadow(
      target,
      {
        '0001_a.up.sql': `CREATE TABLE a (currency text NOT NULL, price int DEFAULT 7, note text, old int);`,
        '0002_b.up.sql': `ALTER TABLE a ALTER currency DROP NOT NULL, ALTER price DROP DEFAULT,
          ALTER note SET NOT NULL, ALTER old SET DEFAULT 9;`,
      },
      async ({ dbops }) => {
        await dbops('migrate', 'up');
        const { stdout } = await dbops('migrate', 'down', '--dry-run');
        expect(stdout).toMatch(/currency .*: not null from (?:false|none) to true/);
        expect(stdout).toMatch(/note .*: not null from true to (?:false|none)/);
        expect(stdout).toMatch(/price .*: default from none to 7/);
        expect(stdout).toMatch(/old .*: default from 9 to none/);
      },
    ));

  it('prints no statement where there is nothing to undo', () =>
    withAnyShadow(target, { '0001_a.up.sql': 'SELECT 1;' }, async ({ dbops }) => {
      await dbops('migrate', 'up');
      const { stdout, exitCode } = await dbops('migrate', 'down', '--dry-run');
      expect(exitCode).toBe(0);
      expect(stdout.split('\n').filter((line) => line !== '' && !line.startsWith('--'))).toEqual(
        [],
      );
    }));

  it('accepts a down that differs in white space between the tokens of a function body', () =>
    withAnyShadow(
      target,
      {
        '0001_f.up.sql':
          "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN\n  RETURN 1;\nEND';",
        '0002_f.up.sql':
          "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2; END';",
        '0002_f.down.sql':
          "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN\n\tRETURN 1;\nEND';",
      },
      async ({ dbops, query }) => {
        await dbops('migrate', 'up');
        expect(await dbops('migrate', 'down')).toMatchObject({ exitCode: 0 });
        expect(await query('SELECT f()')).toEqual([{ f: 1 }]);
        expect(await dbops('verify', 'schema')).toMatchObject({ exitCode: 0 });
      },
    ));

  it('shows where a down differs in white space of a literal', () =>
    withAnyShadow(
      target,
      {
        '0001_f.up.sql': "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'a  b' $$;",
        '0002_f.up.sql': 'CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql RETURN 1::text;',
        '0002_f.down.sql':
          "CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'a b' $$;",
      },
      async ({ dbops }) => {
        await dbops('migrate', 'up');
        const { exitCode, stderr } = await dbops('migrate', 'down');
        expect(exitCode).toBe(2);
        expect(stderr).toContain(`line 1: expected …" SELECT 'a  b' "…, found …" SELECT 'a b' "…`);
      },
    ));

  it('shows where two long definitions differ', () =>
    withAnyShadow(
      target,
      {
        '0001_f.up.sql': `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''${'x'.repeat(300)}1''';`,
        '0002_f.up.sql': `CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''3''';`,
        '0002_f.down.sql': `CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''${'x'.repeat(300)}2''';`,
      },
      async ({ dbops }) => {
        await dbops('migrate', 'up');
        const { stderr } = await dbops('migrate', 'down');
        expect(stderr).toMatch(/expected …"x+1'"…, found …"x+2'"…/);
      },
    ));

  it('does not speak of copies where nothing is destroyed outside a transaction', () =>
    withAnyShadow(
      target,
      {
        '0001_a.up.sql': 'CREATE TABLE a (id int); INSERT INTO a VALUES (1);',
        '0002_b.ts': `// dbops: no-transaction
import { sql } from 'kysely';
export async function up(db) { await sql\`CREATE TABLE dropped (id int)\`.execute(db); }
export async function down(db) { await sql\`DROP TABLE dropped\`.execute(db); }`,
        '0003_c.up.sql': '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);',
      },
      async ({ dbops }) => {
        const up = await dbops('migrate', 'up');
        expect(up.exitCode).toBe(0);
        const down = await dbops('migrate', 'down', '--to', '0001');
        expect({ exitCode: down.exitCode, stderr: down.stderr }).toMatchObject({ exitCode: 0 });
        expect(up.stderr + down.stderr).not.toContain('between the copy');
      },
    ));

  it('says so where rows are copied', () =>
    withAnyShadow(
      target,
      { '0001_a.up.sql': 'CREATE TABLE a (id int); INSERT INTO a VALUES (1);' },
      async ({ dbops, write }) => {
        await dbops('migrate', 'up');
        write({ '0002_b.up.sql': '-- dbops: no-transaction\nDROP TABLE a; VACUUM;' });
        const { stderr } = await dbops('migrate', 'up');
        expect(stderr).toContain('rows written between the copy');
      },
    ));
});

describe.each(targets)('a rollback that the database rejects, on $name', (target) => {
  const it = inTurn(target);
  const files = {
    '0001_a.up.sql': 'CREATE TABLE a (id int, name text NOT NULL);',
    '0002_b.up.sql': 'ALTER TABLE a ALTER name DROP NOT NULL;',
  };

  it('names the objects in the way and how many they are', () =>
    withAnyShadow(target, files, async ({ dbops, query }) => {
      await dbops('migrate', 'up', '--to', '0001');
      await query('CREATE VIEW v AS SELECT * FROM a; CREATE VIEW w AS SELECT * FROM a');
      const { exitCode, stderr } = await dbops('migrate', 'down');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('2 objects that this migration did not create are in the way');
      expect(stderr).toContain('view public.v, view public.w');
      expect(stderr).not.toContain('Correct ');
    }));

  it('counts the rows in the way', () =>
    withAnyShadow(target, files, async ({ dbops, query }) => {
      await dbops('migrate', 'up');
      await query('INSERT INTO a VALUES (1, NULL), (2, NULL)');
      const { stderr } = await dbops('migrate', 'down');
      expect(stderr).toContain('2 rows of public.a have no name');
      expect(stderr).not.toContain('Correct ');
    }));

  it('never advises to correct a file that does not exist', () =>
    withAnyShadow(
      target,
      { '0001_a.up.sql': 'CREATE TABLE a (id int);' },
      async ({ dbops, query }) => {
        await dbops('migrate', 'up');
        await query('DROP TABLE a');
        const { stderr, exitCode } = await dbops('migrate', 'down');
        expect(exitCode).toBe(1);
        expect(stderr).not.toContain('Correct ');
        expect(stderr).toContain('The generated rollback does not fit this database');
      },
    ));
});

/** Files that create an object twice; the database has none of them. */
const twice: [what: string, sql: string][] = [
  ['a table', 'CREATE TABLE a (id int);\nSELECT 1;\nCREATE TABLE a (id text);'],
  ['a column', 'CREATE TABLE a (id int);\nALTER TABLE a ADD x int;\nALTER TABLE a ADD x int;'],
  ['a schema', 'CREATE SCHEMA "My s";\nCREATE SCHEMA "My s";'],
  ['a type', `CREATE TYPE a AS ENUM ('x');\nCREATE TYPE a AS ENUM ('x');`],
  [
    'a constraint',
    'CREATE TABLE a (id int);\nALTER TABLE a ADD CONSTRAINT c CHECK (id > 0);\nALTER TABLE a ADD CONSTRAINT c CHECK (id > 0);',
  ],
  [
    'a function',
    `CREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT 1';\nCREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT 1';`,
  ],
  ['a policy', 'CREATE TABLE a (id int);\nCREATE POLICY p ON a;\nCREATE POLICY p ON a;'],
];

describe.each(targets)('a migration that creates an object twice, on $name', (target) => {
  const it = inTurn(target);
  it.each(twice)('is not called one that another tool applied: %s', (_, sql) =>
    withAnyShadow(target, { '0001_a.up.sql': sql }, async ({ json }) => {
      const { exitCode, error } = await json('migrate', 'up');
      expect({ exitCode, code: error?.code }).toEqual({
        exitCode: 1,
        code: 'MIGRATION.CREATES_TWICE',
      });
      expect(error?.message).toMatch(/line [12] created it, and was rolled back/);
      expect(error?.message).not.toContain('another tool');
      expect(error?.hint).toContain('Remove one of the two statements');
    }),
  );

  it('differs from one whose object exists', () =>
    withAnyShadow(target, { '0001_a.up.sql': 'CREATE TABLE a ();' }, async ({ json, query }) => {
      await query('CREATE TABLE a ()');
      const { error } = await json('migrate', 'up', '--into-existing');
      expect(error?.code).not.toBe('MIGRATION.CREATES_TWICE');
      expect(error?.message).toContain('already exists');
    }));
});

describe.each(servers)('a migration of a role that exists, on $name', (target) => {
  it('is not called one that creates it twice', () =>
    withAnyShadow(target, { '0001_a.up.sql': 'CREATE ROLE postgres;' }, async ({ json }) => {
      const { error } = await json('migrate', 'up');
      expect(error?.code).not.toBe('MIGRATION.CREATES_TWICE');
    }));
});
