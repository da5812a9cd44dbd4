import { resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { inTurn, servers, targets } from '../db/targets.ts';
import { runShell } from '../cli/run-cli.ts';
import { byState, exists, tracked, withProject, writeProject } from './project.ts';

// PGlite opens in half a second, and on a busy machine in several.
vi.setConfig({ testTimeout: 60_000 });

const module = (up: string, down = '') => `
  import { type Kysely, sql } from 'kysely';
  export async function up(db: Kysely<any>): Promise<void> { ${up} }
  export async function down(db: Kysely<any>): Promise<void> { ${down} }
`;

const loader = resolve(import.meta.dirname, '../../src/formats/shared/import-module.ts');

const createB = `await db.schema.createTable('b').addColumn('id', 'integer').execute();`;

describe.each(targets)('a Kysely module on $name', (target) => {
  const it = inTurn(target);
  it('runs between SQL files, up and down', () =>
    withProject(
      target,
      {
        '0001_a.up.sql': 'CREATE TABLE a (id int)',
        '0001_a.down.sql': 'DROP TABLE a',
        '0002_b.ts': module(
          `${createB} await sql\`INSERT INTO b VALUES (1)\`.execute(db);`,
          `await db.schema.dropTable('b').execute();`,
        ),
        '0003_c.up.sql': 'CREATE VIEW c AS SELECT id FROM b',
        '0003_c.down.sql': 'DROP VIEW c',
      },
      async (project) => {
        const names = ['0001_a', '0002_b', '0003_c'];
        expect(byState(await project.json('migrate', 'up'))).toEqual({ done: names });
        expect(await project.query('SELECT * FROM c')).toEqual([{ id: 1 }]);
        expect(byState(await project.json('migrate', 'status'))).toEqual({ applied: names });
        expect(byState(await project.json('migrate', 'down', '--to', '0'))).toEqual({
          done: names.toReversed(),
        });
        expect(await tracked(project)).toEqual([]);
        expect(await exists(project, 'b')).toBe(false);
      },
    ));

  it('that fails is rolled back', () =>
    withProject(
      target,
      { '0001_b.ts': module(`${createB} await sql\`SELECT 1/0\`.execute(db);`) },
      async (project) => {
        const answer = await project.dbops('migrate', 'up');
        expect(answer).toMatchObject({ exitCode: 1 });
        expect(answer.stderr).toContain('0001_b.ts');
        expect(answer.stderr).toContain('SQLSTATE 22012');
        expect(answer.stderr).toContain('rolled back');
        expect(await exists(project, 'b')).toBe(false);
        expect(await tracked(project)).toEqual([]);
      },
    ));

  it('that begins a transaction of its own is refused and rolled back', () =>
    withProject(
      target,
      { '0001_b.ts': module(`${createB} await db.transaction().execute(async () => {});`) },
      async (project) => {
        const { exitCode, error } = await project.json('migrate', 'up');
        expect(exitCode).toBe(1);
        expect(error?.message).toMatch(/transaction/);
        expect(await exists(project, 'b')).toBe(false);
        expect(await tracked(project)).toEqual([]);
      },
    ));

  it.each([
    ['cannot be read', 'export const up = ;', /cannot be loaded/],
    ['throws when it is loaded', `throw new Error('not today');`, /not today/],
    ['exports no up', 'export const something = 1;', /exports no function up/],
  ])('that %s is a usage error, and nothing is started', (_, source, message) =>
    withProject(target, { '0001_bad.ts': source }, async (project) => {
      const up = await project.json('migrate', 'up');
      expect(up.exitCode).toBe(2);
      expect(up.error?.message).toMatch(message);
      expect(byState(up)).toEqual({ 'not-run': ['0001_bad'] });
    }),
  );

  it('whose functions are in its default export runs', () =>
    withProject(
      target,
      { '0001_b.js': `export default { up: (db) => db.schema.createTable('b').execute() };` },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await exists(project, 'b')).toBe(true);
        expect((await project.json('migrate', 'down')).exitCode).toBe(0);
        expect(await exists(project, 'b')).toBe(false);
        expect(await tracked(project)).toEqual([]);
      },
    ));

  it('that awaits something before it exports runs', () =>
    withProject(
      target,
      {
        '0001_b.mjs': `await null; export const up = (db) => db.schema.createTable('b').execute();`,
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await exists(project, 'b')).toBe(true);
      },
    ));

  it('is not loaded when it is applied already', () =>
    withProject(target, { '0001_b.ts': module(createB) }, async (project) => {
      await project.dbops('migrate', 'up');
      const loaded = `globalThis['loaded ${project.root}'] = true;`;
      project.write({ '0001_b.ts': `${loaded}${module(createB)}` });
      expect(byState(await project.json('migrate', 'status'))).toEqual({ edited: ['0001_b'] });
      expect(Reflect.get(globalThis, `loaded ${project.root}`)).toBeUndefined();
    }));

  it('starts without the settings of the file before it, and leaves none', () =>
    withProject(
      target,
      {
        '0001_leak.up.sql': `CREATE SCHEMA other; SET search_path = other; SET lock_timeout = '77s'`,
        '0002_in.ts': module(`${createB} await sql\`SET search_path = other\`.execute(db);`),
        '0003_outside.ts': `// dbops: no-transaction
          ${module(`await db.schema.createTable('c').execute(); await sql\`SET search_path = other\`.execute(db);`)}`,
        '0004_d.up.sql': 'CREATE TABLE d ()',
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        for (const table of ['public.b', 'public.c', 'public.d'])
          expect(await exists(project, table)).toBe(true);
      },
    ));

  it('outside a transaction keeps what it did before an error', () =>
    withProject(
      target,
      {
        '0001_b.ts': `// dbops: no-transaction
          ${module(`${createB} await sql\`SELECT 1/0\`.execute(db);`)}`,
      },
      async (project) => {
        const answer = await project.dbops('migrate', 'up');
        expect(answer.exitCode).toBe(1);
        expect(answer.stderr).toContain('remains');
        expect(await exists(project, 'b')).toBe(true);
        expect(await tracked(project)).toEqual([]);
      },
    ));
});

describe.each(servers)('the connection of a module on $name', (target) => {
  const it = inTurn(target, servers);
  it.each(['COMMIT', 'SELECT 1; rollback', 'BEGIN'])('lets no module send %s', (statement) =>
    withProject(
      target,
      { '0001_b.ts': module(`${createB} await sql.raw('${statement}').execute(db);`) },
      async (project) => {
        const answer = await project.dbops('migrate', 'up');
        expect(answer.exitCode).toBe(1);
        expect(answer.stderr).toContain('cannot begin or end one');
        expect(await exists(project, 'b')).toBe(false);
      },
    ),
  );

  it('takes savepoints, and COMMIT in a text', () =>
    withProject(
      target,
      {
        '0001_b.ts': module(`${createB} await sql\`SAVEPOINT one\`.execute(db);
          await sql\`SELECT 'please COMMIT'\`.execute(db);
          await sql\`ROLLBACK TO one\`.execute(db); await sql\`RELEASE one\`.execute(db);`),
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await exists(project, 'b')).toBe(true);
      },
    ));

  it.each([
    ['nothing', ''],
    ['a statement with values', 'await sql`SELECT ${1}::int`.execute(db);'],
    ['no statement', "await sql.raw('-- nothing').execute(db);"],
    ['several statements', "await sql.raw('SELECT 1; SELECT 2').execute(db);"],
  ])('begins with %s', (_, statements) =>
    withProject(
      target,
      { '0001_b.ts': module(`${statements} ${createB}`), '0002_c.ts': module(statements) },
      async (project) => {
        expect(await project.dbops('migrate', 'up', '--allow-empty')).toMatchObject({
          exitCode: 0,
        });
        expect(await exists(project, 'b')).toBe(true);
        expect(await tracked(project)).toEqual(['0001_b', '0002_c']);
      },
    ),
  );

  it.each(['SELEC 1', 'SELECT 1/0', 'SELECT * FROM nowhere; CREATE TABLE b ()'])(
    'stays in its transaction when it continues after the error of %s',
    (statement) =>
      withProject(
        target,
        {
          '0001_b.ts': module(
            `await sql.raw('${statement}').execute(db).catch(() => {}); ${createB}`,
          ),
        },
        async (project) => {
          const answer = await project.dbops('migrate', 'up');
          expect(answer.exitCode).toBe(1);
          expect(answer.stderr).toContain('SQLSTATE 25P02');
          expect(await exists(project, 'b')).toBe(false);
          expect(await tracked(project)).toEqual([]);
        },
      ),
  );

  it('gives the position of an error in the statement itself', () =>
    withProject(
      target,
      {
        '0001_b.ts': module(`await sql.raw('SELECT nothing').execute(db).catch(({ position }) => {
          throw new Error('at ' + position); });`),
      },
      async (project) => {
        expect((await project.dbops('migrate', 'up')).stderr).toContain('at 8');
      },
    ));

  it('gives values as pg does, and takes several queries at once', () =>
    withProject(
      target,
      {
        '0001_b.ts':
          module(`const ask = () => sql<any>\`SELECT 1::int8 AS n, now() AS t\`.execute(db);
          const [{ rows: [row] }] = await Promise.all([ask(), ask(), ask()]);
          if (row.n !== '1' || !(row.t instanceof Date)) throw new Error(typeof row.n);`),
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
      },
    ));
});

describe('a TypeScript module that Node does not load', () => {
  /** What the built program says: the tests' own loader compiles everything. */
  const refusal = async (source: string, packageJson = '{ "type": "module" }') => {
    const root = writeProject({ 'package.json': packageJson, '1_a.ts': source });
    const script = `import { importModule } from ${JSON.stringify(loader)};
      await importModule(${JSON.stringify(`${root}/1_a.ts`)}).catch(({ message, hint }) => console.error(message, hint));`;
    const { stdout, stderr } = await runShell(
      `'${process.execPath}' --input-type=module --eval '${script}' 2>&1 >/dev/null`,
    );
    return `${stdout}${stderr}`;
  };

  it.each([
    ['an enum', 'enum Mood { good }', /does not compile enums.*const object.*--import tsx/s],
    ['a path alias', `import 'src/tables';`, /ignores the paths of tsconfig/],
    ['an import without extension', `import './tables';`, /'\.\.\/tables\.ts'.*--import tsx/],
    ['a type as a value', `import { Migration } from 'kysely';`, /Use "import type"/],
    ['a decorator', '@sealed class A {}', /decorators and JSX are not.*--import tsx/],
  ])('reports the cause and the fix of %s', async (_, source, message) => {
    expect(await refusal(`${source} export const up = async () => {};`)).toMatch(message);
  });

  it('says that the project is CommonJS', async () => {
    const message = /declares CommonJS.*Remove "type": "commonjs"/;
    expect(await refusal(`import 'kysely';`, '{ "type": "commonjs" }')).toMatch(message);
  });
});
