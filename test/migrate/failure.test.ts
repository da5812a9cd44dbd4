import { describe, expect, it } from 'vitest';
import { newest, servers, targets, type Target } from '../db/targets.ts';
import { withProject } from './project.ts';

const on = newest[0] as Target;
const columns = Array.from({ length: 9000 }, (_, i) => `'a value of row ${i}'`).join(', ');
const long = `SELECT ${columns}, missing_column`;
const kysely = (statement: string) =>
  `import { sql } from 'kysely';\nexport async function up(db) { await sql.raw(${JSON.stringify(statement)}).execute(db); }\n`;
const commonJs = (body: string) => `exports.up = ${body};\nexports.down = async () => {};\n`;

/** A failing migration whose statement has 200 kB, in each kind of file. */
const failing: Record<string, Record<string, string>> = {
  'a file of SQL': { '0001_a.up.sql': long },
  'a file of SQL that runs statement by statement': {
    '0001_a.up.sql': `-- dbops: no-transaction\n${long}`,
  },
  'a DO block': { '0001_a.up.sql': `DO $$ BEGIN EXECUTE $q$${long}$q$; END $$` },
  'a Kysely module': { '0001_a.ts': kysely(long) },
  'a Kysely module outside a transaction': {
    '0001_a.ts': `// dbops: no-transaction\n${kysely(long)}`,
  },
  'a knex module': {
    '20260101000000_a.js': commonJs(`(knex) => knex.raw(${JSON.stringify(long)})`),
  },
  'a node-pg-migrate module': {
    '1700000000000_a.js': commonJs(`(pgm) => pgm.sql(${JSON.stringify(long)})`),
  },
};

describe.runIf(newest[0])('a failing statement of 200 kB', () => {
  it.each(Object.entries(failing))('is cut at a screen, after its reason, in %s', (_, files) =>
    withProject(on, files, async ({ dbops, json }) => {
      const { exitCode, stderr } = await dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stderr.length).toBeLessThan(5000);
      expect(stderr.split('\n').length).toBeLessThan(40);
      const reason = stderr.indexOf('SQLSTATE 42703: column "missing_column" does not exist');
      expect(reason).toBeGreaterThan(0);
      const statement = stderr.indexOf('Statement: ');
      if (statement >= 0) expect(reason).toBeLessThan(statement);
      const { error } = await json('migrate', 'up');
      expect(error?.message.length).toBeLessThan(5000);
    }),
  );

  it('leaves the report of a proof short too', () =>
    withProject(
      on,
      {
        '20260101000000_a.js': commonJs(
          `async (knex) => (await knex.schema.hasTable('given')) || knex.raw(${JSON.stringify(long)})`,
        ),
      },
      async ({ dbops, query }) => {
        await query('CREATE TABLE given ()');
        expect((await dbops('migrate', 'up', '--into-existing')).exitCode).toBe(0);
        const { stdout, stderr } = await dbops('verify');
        expect(stdout + stderr).toContain('SQLSTATE 42703: column "missing_column" does not exist');
        expect((stdout + stderr).length).toBeLessThan(5000);
      },
    ));
});

const notOfTheFile: [what: string, sql: string, hint: RegExp][] = [
  ['role', 'CREATE TABLE t (); GRANT SELECT ON t TO "No One"', /CREATE ROLE "No One";/],
  ['role', 'SET ROLE no_one', /CREATE ROLE "no_one";/],
  ['role', 'CREATE TABLE t (); ALTER TABLE t OWNER TO no_one', /CREATE ROLE "no_one";/],
  ['role', 'CREATE TABLE t (); CREATE POLICY p ON t TO no_one', /CREATE ROLE "no_one";/],
  ['role', 'CREATE SCHEMA s AUTHORIZATION no_one', /CREATE ROLE "no_one";/],
  ['role', 'ALTER DEFAULT PRIVILEGES FOR ROLE no_one GRANT SELECT ON TABLES TO PUBLIC', /no_one/],
];
const ofTheServer: [what: string, sql: string, hint: RegExp][] = [
  [
    'extension',
    'CREATE EXTENSION no_such_thing',
    /Install the extension no_such_thing on the serv/,
  ],
  ['extension', 'CREATE EXTENSION IF NOT EXISTS "no-such"', /Install the extension no-such on the/],
  ['tablespace', 'CREATE TABLE t () TABLESPACE elsewhere', /CREATE TABLESPACE "elsewhere"/],
  [
    'language',
    "CREATE FUNCTION f() RETURNS int LANGUAGE plnone AS ''",
    /CREATE EXTENSION "plnone"/,
  ],
  ['library', "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/none', 'f'", /Install /],
];

describe.each(targets)('what a server lacks, on $name', (target) => {
  it.each(notOfTheFile)('is not called a fault of the file: %s, %s', (_, sql, hint) =>
    withProject(target, { '0001_a.up.sql': sql }, async ({ dbops }) => {
      const { exitCode, stderr } = await dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stderr).not.toContain('Correct migrations');
      expect(stderr).toMatch(hint);
      expect(stderr).toContain('hen: dbops migrate up');
    }),
  );

  it('is named for the embedded engine', () =>
    withProject(
      target,
      { '0001_a.up.sql': 'CREATE EXTENSION no_such_thing' },
      async ({ dbops }) => {
        const { stderr } = await dbops('migrate', 'up');
        expect(stderr).not.toContain('Correct migrations');
        if (target.kind === 'pglite') expect(stderr).toContain('Use a PostgreSQL server');
      },
    ));
});

describe.each(servers)('what a server lacks, on $name', (target) => {
  it.each(ofTheServer)('is to be installed there: %s, %s', (_, sql, hint) =>
    withProject(target, { '0001_a.up.sql': sql }, async ({ dbops }) => {
      const { stderr } = await dbops('migrate', 'up');
      expect(stderr).not.toContain('Correct migrations');
      expect(stderr).toMatch(hint);
      expect(stderr).toContain('hen: dbops migrate up');
    }),
  );

  it('is to be installed there, in a module too', () =>
    withProject(
      target,
      { '0001_a.ts': kysely('CREATE EXTENSION no_such_thing') },
      async (project) => {
        const { stderr } = await project.dbops('migrate', 'up');
        expect(stderr).toContain('Install the extension no_such_thing on the server');
      },
    ));
});
