import { describe, expect, it, vi } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { readApplied } from '../../src/runner/tracking-state.ts';
import { withSession } from '../db/session.ts';
import { newest, targets, withDatabase, type Target } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  shadowsOn,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { count, files, latest, namesOf, withKnex } from './knex-project.ts';
import { describeInterop } from './peer.ts';

describeInterop({
  tool: 'knex 3.3',
  format: 'knex',
  count,
  files,
  up: async (project) => (await latest(project)).length,
  rows: `SELECT id, name, batch > 0 AS batch, migration_time = date_trunc('milliseconds', migration_time) AS ms
    FROM knex_migrations ORDER BY id`,
});

describe.each(newest)('knex beside dbops on $name', (server) => {
  vi.setConfig({ testTimeout: 60_000 });

  const withFolder = (test: (project: Project) => Promise<void>, own = files()) =>
    withDatabase(server, (url) =>
      test(projectOn(url, writeProject({ ...shadowsOn(server), ...own }))),
    );

  const batches = async ({ query }: Project) =>
    (await query<{ batch: number }>('SELECT batch FROM knex_migrations ORDER BY id')).map(
      ({ batch }) => batch,
    );

  it('rolls back exactly what one run of dbops applied', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up', '--steps', '3');
      await latest({ ...project, root: projectOn(project.url, writeProject(files(5))).root });
      await project.dbops('migrate', 'up', '--steps', '3');
      expect(await batches(project)).toEqual([1, 1, 1, 2, 2, 3, 3, 3]);
      const rolledBack = await withKnex(project, (migrate) => migrate.rollback());
      expect(namesOf(rolledBack)).toEqual([
        '20260108120000_two_at_once.ts',
        '20260107120000_given_up.js',
        '20260106120000_savepoint.js',
      ]);
      expect(byState(await project.json('migrate', 'down'))).toEqual({
        done: ['20260105120000_function.js'],
      });
      expect(await batches(project)).toEqual([1, 1, 1, 2]);
    }));

  it('has the same lock table and row', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up');
      expect(await project.query('SELECT * FROM knex_migrations_lock')).toEqual([
        { index: 1, is_locked: 0 },
      ]);
    }));

  it('rolls back every migration', () =>
    withFolder(async (project) => {
      await latest(project);
      expect(await project.json('migrate', 'down', '--to', '0')).toMatchObject({ exitCode: 0 });
      expect(await batches(project)).toEqual([]);
      expect(await exists(project, 'accounts')).toBe(false);
    }));

  it('is kept out while the row of its lock is taken, and the other way round', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      const { hostLock } = readFolder({ root: project.root });
      if (hostLock?.kind !== 'row') throw new Error('knex has no row lock');
      expect(await project.query(hostLock.take)).toHaveLength(1);
      expect(await project.query(hostLock.take)).toHaveLength(0);
      await expect(latest(project)).rejects.toThrow('already locked');
      expect(await project.query(hostLock.release)).toHaveLength(1);
      expect(await latest(project)).toHaveLength(count - 1);
      await project.query(hostLock.take);
      await project.query(hostLock.unlock);
      expect(await latest(project)).toEqual([]);
    }));

  it('and dbops agree on a recorded name without a file', () =>
    withFolder(async (project) => {
      await latest(project);
      await project.query(`INSERT INTO knex_migrations (name, batch) VALUES ('gone.js', 7)`);
      await expect(latest(project)).rejects.toThrow('gone.js');
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(6);
      expect(byState(status)['missing-file']).toEqual(['gone.js']);
    }));

  it('reports a file recorded with another extension, and the fix', () =>
    withFolder(async (project) => {
      await latest(project);
      await project.query(
        `UPDATE knex_migrations SET name = replace(name, '.js', '.ts') WHERE id = 2`,
      );
      await expect(latest(project)).rejects.toThrow('corrupt');
      const [finding] = await findingsOf(project);
      expect(finding).toMatchObject({
        code: 'other-ending',
        where: { migration: '20260102120000_rows.ts' },
      });
      await project.query(finding?.help.replace(/^.*: /, '') ?? '');
      expect(await latest(project)).toEqual([]);
      expect(await findingsOf(project)).toEqual([]);
    }));

  it('finds the table that the knexfile names', () =>
    withFolder(
      async (project) => {
        await project.query('CREATE SCHEMA meta');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        const settings = { tableName: 'ran', schemaName: 'meta' };
        const answer = await withKnex(project, (migrate) => migrate.latest(), settings);
        expect(namesOf(answer)).toEqual([]);
        expect(await exists(project, 'knex_migrations')).toBe(false);
      },
      {
        ...files(),
        'knexfile.js': `module.exports = { [process.env.NODE_ENV || 'development']: { client: 'pg',
          migrations: { tableName: "ran", schemaName: 'meta' } } };`,
      },
    ));
});

const file = '20260101120000_a.js';
const createA = `await knex.schema.createTable('a', (t) => { t.increments('idOfRow'); });`;
const module = (up: string) =>
  `exports.up = async (knex) => { ${up} }; exports.down = async (knex) => { await knex.schema.dropTable('a'); };`;

const withModule = (
  target: Target,
  up: string,
  test: (project: Project) => Promise<void>,
  own: Record<string, string> = {},
) =>
  withDatabase(target, (url) => {
    const folder = { 'package.json': '{}', [`migrations/${file}`]: module(up), ...own };
    return test(projectOn(url, writeProject(folder)));
  });

describe.each(targets)('a knex module on $name', (target) => {
  it('runs up and down', () =>
    withModule(target, createA, async (project) => {
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: [file] });
      expect(await exists(project, 'a')).toBe(true);
      expect(byState(await project.json('migrate', 'down'))).toEqual({ done: [file] });
      expect(await exists(project, 'a')).toBe(false);
    }));

  it('that fails is rolled back', () =>
    withModule(target, `${createA} await knex.raw('SELECT 1/0');`, async (project) => {
      const answer = await project.dbops('migrate', 'up');
      expect(answer.stderr).toContain('SQLSTATE 22012');
      expect(await exists(project, 'a')).toBe(false);
    }));
});

describe.each(newest)('a knex module on $name', (target) => {
  it.each([
    ['throws', `throw new Error('not today')`, /not today/],
    ['rolls back', `await knex.rollback()`, /rolled back/],
    ['sends COMMIT', `await knex.raw('COMMIT')`, /cannot begin or end one/],
    ['sends COMMIT among others', `await knex.raw('SELECT 1; COMMIT; BEGIN')`, /begin or end one/],
    ['commits, and then fails', `await knex.commit(); await knex.raw('SELECT 1')`, /complete/],
    ['fails in a savepoint', `await knex.transaction((t) => t.raw('SELECT 1/0'))`, /22012/],
  ])('that %s is rolled back whole', (_, statement, message) =>
    withModule(target, `${createA} ${statement};`, async (project) => {
      const answer = await project.dbops('migrate', 'up');
      expect(answer).toMatchObject({ exitCode: 1 });
      expect(answer.stderr).toMatch(message);
      expect(answer.stderr).toContain('It was rolled back');
      expect(await exists(project, 'a')).toBe(false);
      expect(await project.query('SELECT FROM knex_migrations')).toEqual([]);
    }),
  );

  it.each([
    ['leaves a transaction open inside ours', 'await knex.transaction();'],
    ['ends its own', 'await knex.commit();'],
  ])('that %s does not keep the next from having one', (_, statement) =>
    withModule(
      target,
      `${createA} ${statement}`,
      async (project) => {
        const { exitCode } = await project.json('migrate', 'up');
        expect(exitCode).toBe(0);
        expect(await exists(project, 'b')).toBe(true);
        expect(await exists(project, 'd')).toBe(true);
      },
      Object.fromEntries(
        ['b', 'c', 'd'].map((name) => [
          `migrations/20260102120000_${name}.js`,
          module(
            `await knex.transaction((inner) => inner.schema.createTable('${name}', (t) => t.increments()));`,
          ),
        ]),
      ),
    ),
  );

  it('sees names and values as the knexfile has them', () =>
    withModule(
      target,
      `${createA} await knex('a').insert({ idOfRow: 7 });
       const [row] = await knex('a'); if (row.SEEN !== 7) throw new Error(JSON.stringify(row));`,
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await project.query('SELECT id_of_row FROM a')).toEqual([{ id_of_row: 7 }]);
      },
      {
        'knexfile.js': `module.exports = async () => ({ client: 'postgresql',
          wrapIdentifier: (value, quote) => quote(value.replace(/[A-Z]/g, (c) => '_' + c.toLowerCase())),
          postProcessResponse: (rows) => Array.isArray(rows) ? rows.map((row) => ({ SEEN: row.id_of_row })) : rows });`,
      },
    ));

  it('is refused where the knexfile works in other schemas, unless the connection does', () =>
    withModule(
      target,
      createA,
      async (project) => {
        await project.query('CREATE SCHEMA app');
        const { exitCode, error } = await project.json('migrate', 'up');
        expect(exitCode).toBe(2);
        expect(error?.hint).toContain('options=-csearch_path%3Dapp,public');
        expect(await exists(project, 'a')).toBe(false);
        const there = projectOn(`${project.url}?options=-csearch_path%3Dapp,public`, project.root);
        expect(await there.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await exists(project, 'app.a')).toBe(true);
      },
      { 'knexfile.js': `module.exports = { client: 'pg', searchPath: ['app', 'public'] };` },
    ));

  it('outside a transaction keeps what it did before an error', () =>
    withModule(
      target,
      '',
      async (project) => {
        const answer = await project.dbops('migrate', 'up');
        expect(answer.stderr).toContain('remains');
        expect(await exists(project, 'a')).toBe(true);
        expect(await exists(project, 'b')).toBe(false);
        expect(await project.query('SELECT FROM knex_migrations')).toEqual([]);
      },
      {
        [`migrations/${file}`]: `${module(
          `${createA} await knex.transaction(async (t) => { await t.raw('CREATE TABLE b ()'); await t.raw('SELECT 1/0'); });`,
        )} exports.config = { transaction: false };`,
      },
    ));
});

async function findingsOf({ root, url }: Project) {
  const folder = readFolder({ root });
  return withSession(url, async (session) => (await readApplied(session, folder)).findings);
}
