import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, runShell } from '../cli/run-cli.ts';
import { newest, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  withServerShadow,
  writeInto,
  type Project,
} from '../migrate/project.ts';
import { filesOf, mixed, type Change } from './mixed.ts';
import { describeInterop } from './peer.ts';
import { expectToolLock, recordLocks } from './tool-lock.ts';

const program = resolve(
  import.meta.dirname,
  '../../node_modules/node-pg-migrate/bin/node-pg-migrate.js',
);

const run = (words: string, { root, url }: Pick<Project, 'root' | 'url'>) =>
  runShell(`'${process.execPath}' '${program}' ${words}`, {
    cwd: root,
    environment: { DATABASE_URL: url, JITI_FS_CACHE: 'false' },
  });

async function up(project: Pick<Project, 'root' | 'url'>): Promise<number> {
  const { exitCode, stdout, stderr } = await run('up', project);
  expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0 });
  return stdout.match(/^> - /gm)?.length ?? 0;
}

const rows = 'SELECT id, name FROM public.pgmigrations ORDER BY run_on, id';

describeInterop({
  tool: 'node-pg-migrate 9 with SQL files',
  format: 'node-pg-migrate',
  count: mixed.length,
  files: (count) =>
    filesOf(
      count,
      ({ name, alone }, index) =>
        `migrations/${1700000000000 + index}_${name}.${alone ? 'js' : 'sql'}`,
      (change) => (change.alone ? asModule(change) : asSections(change)),
    ),
  up,
  rows,
});

const modules = [
  `export const shorthands = { name: { type: 'varchar(80)', notNull: true } };
export const up = (pgm) => { pgm.createTable('people', { id: 'id', name: 'name' }); };`,
  `export const up = (pgm) => {
  pgm.addColumns('people', { state: { type: 'text', notNull: true, default: 'a;b' } });
  pgm.createIndex('people', 'state');
};`,
  `import type { MigrationBuilder } from 'node-pg-migrate';
export async function up(pgm: MigrationBuilder): Promise<void> {
  pgm.createFunction('half', ['int'], { returns: 'int', language: 'plpgsql' }, 'BEGIN RETURN $1 / 2; END;');
}`,
  `export const up = (pgm, run) => { pgm.sql("INSERT INTO people (name) VALUES ('Ann; Bob')"); run(); };`,
  `export const up = async (pgm) => {
  const [{ count }] = await pgm.db.select('SELECT count(*) FROM people');
  pgm.sql(\`COMMENT ON TABLE people IS 'of type \${typeof count}: \${count}'\`);
};`,
  `exports.up = (pgm) => {
  pgm.noTransaction();
  pgm.createIndex('people', 'name', { concurrently: true });
  pgm.createIndex('people', ['name', 'state'], { concurrently: true });
};`,
  `exports.up = (pgm) => { pgm.createType('mood', ['good', 'bad']); };`,
  `enum Table { letters = 'letters' }
export const up = (pgm: any) => { pgm.createTable(Table.letters, { id: 'id', mood: 'mood', title: 'name' }); };`,
  `module.exports = { up(pgm) { pgm.createView('titles', {}, 'SELECT title FROM letters'); }, down: false };`,
  `export const up = (pgm) => { pgm.addConstraint('people', 'named', { check: "name <> ''" }); };`,
];

const endings = ['js', 'mjs', 'ts', 'js', 'js', 'cjs', 'js', 'ts', 'cjs', 'js'];

describeInterop({
  tool: 'node-pg-migrate 9 with modules',
  format: 'node-pg-migrate',
  count: modules.length,
  files: (count) =>
    Object.fromEntries(
      modules
        .slice(0, count)
        .map((text, index) => [
          `migrations/${20260101000000000 + index * 1000}_change-${index}.${endings[index]}`,
          text,
        ]),
    ),
  up,
  rows,
});

describe.each(newest)('a node-pg-migrate folder on $name', (server) => {
  const sql = (forward: string, down = '') =>
    `-- Up Migration\n${forward}\n-- Down Migration\n${down}\n`;
  const inFolder = (files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`migrations/${name}`, text]));
  const withFiles = (files: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withServerShadow(server, files, test);

  it('is locked by dbops as by the tool', () =>
    withFiles({ '1_a.sql': sql(recordLocks) }, async (ours) => {
      expect((await ours.json('migrate', 'up')).exitCode).toBe(0);
      await withFiles({ '1_a.sql': sql(recordLocks) }, async (theirs) => {
        await up(theirs);
        await expectToolLock(ours, theirs);
      });
    }));

  it('is rolled back: sections, a down, and a reversed up', () =>
    withFiles(
      {
        '1_a.sql': sql('CREATE TABLE a (id int);', 'DROP TABLE a;'),
        '2_b.js': `export const up = (pgm) => { pgm.createTable('b', { id: 'id' }); pgm.createIndex('b', 'id'); };`,
        '3_c.js': `export const up = (pgm) => pgm.sql('CREATE TABLE c ()');
export const down = async (pgm) => { await pgm.db.query('SELECT 1'); pgm.dropTable('c'); };`,
      },
      async (project) => {
        await up(project);
        const { exitCode, migrations } = await project.json('migrate', 'down', '--steps', '3');
        expect(exitCode).toBe(0);
        expect(migrations.map(({ name }) => name)).toEqual(['3_c', '2_b', '1_a']);
        for (const table of ['a', 'b', 'c']) expect(await exists(project, table)).toBe(false);
        expect(await up(project)).toBe(3);
      },
    ));

  const downOfA = { '2_a.sql': sql('CREATE TABLE a ();', 'DROP TABLE a;') };

  it('rolls nothing back when a module forbids it', () => {
    const module = `export const up = (pgm) => pgm.createTable('b', {}); export const down = false;`;
    return withFiles({ '1_b.js': module, ...downOfA }, async (project) => {
      await up(project);
      const { exitCode, error } = await project.json('migrate', 'down', '--steps', '2');
      expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'ROLLBACK.UNPROVEN' });
      expect(error?.message).toMatch(/1_b\.js forbids down/);
      const forced = await project.json('migrate', 'down', '--steps', '2', '--unproven');
      expect(forced).toMatchObject({ exitCode: 2, error: { code: 'MIGRATION.NO_DOWN' } });
      expect(await exists(project, 'a')).toBe(true);
    });
  });

  it('generates the rollback of a module that cannot be reversed', () => {
    const module = `export const up = (pgm) => pgm.sql('CREATE TABLE b ()');`;
    return withFiles({ '1_b.js': module, ...downOfA }, async (project) => {
      await up(project);
      const { exitCode } = await project.json('migrate', 'down', '--steps', '2');
      expect(exitCode).toBe(0);
      for (const table of ['a', 'b']) expect(await exists(project, table)).toBe(false);
    });
  });

  it('undoes a module that fails, also what it asked of the database itself', () =>
    withFiles(
      {
        '1_a.js': `export const up = async (pgm) => {
  await pgm.db.query('CREATE TABLE a ()');
  pgm.sql('CREATE TABLE b ()');
  pgm.sql('SELECT 1 / 0');
};`,
      },
      async (project) => {
        expect((await project.json('migrate', 'up')).exitCode).toBe(1);
        expect(await exists(project, 'a')).toBe(false);
        expect(await exists(project, 'b')).toBe(false);
        expect(byState(await project.json('migrate', 'status'))).toEqual({ pending: ['1_a'] });
      },
    ));

  it('does not let a module end the transaction', () =>
    withFiles(
      { '1_a.js': `export const up = (pgm) => pgm.sql('CREATE TABLE a (); COMMIT');` },
      async (project) => {
        expect((await project.json('migrate', 'up')).exitCode).toBe(1);
        expect(await exists(project, 'a')).toBe(false);
      },
    ));

  it('keeps the order of its rows in a file that sets another time zone', () =>
    withFiles(
      {
        '1_a.sql': sql('SELECT 1;'),
        '2_b.sql': sql(`SET TIME ZONE 'America/New_York';`),
        '3_c.sql': sql('SELECT 1;'),
      },
      async (project) => {
        expect((await project.json('migrate', 'up')).exitCode).toBe(0);
        expect(await project.query('SELECT name FROM pgmigrations ORDER BY run_on, id')).toEqual([
          { name: '1_a' },
          { name: '2_b' },
          { name: '3_c' },
        ]);
        expect(await up(project)).toBe(0);
      },
    ));

  it('works in the schema public, whatever the path of the role, unless the URL has one', () =>
    withFiles(
      {
        '1_a.sql': sql('CREATE TABLE a (id int);'),
        '2_b.js': `export const up = (pgm) => pgm.createTable('b', { id: 'id' });`,
        '3_c.js': `export const up = (pgm) => { pgm.noTransaction(); pgm.createTable('c', { id: 'id' }); };`,
        '4_d.js': `export const up = (pgm) => { pgm.noTransaction(); pgm.createIndex('a', 'id', { concurrently: true }); };`,
      },
      async (project) => {
        const tables = `SELECT schemaname AS schema, tablename AS name FROM pg_tables
          WHERE tablename IN ('a', 'b', 'c') ORDER BY 2`;
        const inSchema = (schema: string) => ['a', 'b', 'c'].map((name) => ({ schema, name }));
        const begin = () =>
          project.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS app CASCADE;
            CREATE SCHEMA app; ALTER DATABASE ${new URL(project.url).pathname.slice(1)} SET search_path TO app`);
        await begin();
        await up(project);
        expect(await project.query(tables)).toEqual(inSchema('public'));

        await begin();
        expect((await project.json('migrate', 'up')).exitCode).toBe(0);
        expect(await project.query(tables)).toEqual(inSchema('public'));

        await begin();
        const elsewhere = projectOn(`${project.url}?options=-csearch_path%3Dapp`, project.root);
        expect((await elsewhere.json('migrate', 'up')).exitCode).toBe(0);
        expect(await project.query(tables)).toEqual(inSchema('app'));
      },
    ));

  it('reports why the tool stops, with the tool’s own message', () =>
    withFiles({ '1_a.sql': sql('SELECT 1;'), '3_c.sql': sql('SELECT 1;') }, async (project) => {
      await up(project);
      writeInto(project.root, inFolder({ '2_b.sql': sql('SELECT 1;') }));
      const says = 'Not run migration 2_b is preceding already run migration 3_c';
      expect((await run('up', project)).stderr).toContain(says);
      const { exitCode, stdout } = await project.dbops('migrate', 'status', '--check');
      expect(exitCode).toBe(4);
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(says);
    }));

  it('reports that node-pg-migrate is not installed, and runs nothing', () =>
    withDatabase(server, async (url) => {
      const files = { '1_a.sql': sql('CREATE TABLE a ();'), '2_b.js': 'exports.up = (pgm) => {};' };
      const project = projectOn(url, folderOf(inFolder(files)));
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('node-pg-migrate is not installed for 2_b.js');
      expect(await exists(project, 'a')).toBe(false);
    }));
});

function asSections({ up: forward, down }: Change): string {
  return `-- Up Migration\n${forward}\n\n-- Down Migration\n${down}\n`;
}

function asModule({ up: forward, down }: Change): string {
  const body = (sql: string) =>
    `(pgm) => { pgm.noTransaction(); pgm.sql(${JSON.stringify(sql)}); }`;
  return `export const up = ${body(forward)};\nexport const down = ${body(down)};\n`;
}
