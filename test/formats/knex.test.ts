import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { knex } from '../../src/formats/knex/index.ts';
import { folderOf } from '../cli/run-cli.ts';
import { writeProject } from '../migrate/project.ts';

const empty = 'exports.up = (knex) => {}; exports.down = (knex) => {};';

const inMigrations = (names: readonly string[], text = empty) =>
  Object.fromEntries(names.map((name) => [`migrations/${name}`, text]));

const read = (files: Record<string, string>) =>
  readFolder({ root: folderOf({ 'package.json': '{}', ...files }) });

describe('a folder is of knex', () => {
  it.each([
    ['functions', 'exports.up = function (knex) {}; exports.down = function (knex) {};'],
    [
      'a type',
      `import type { Knex } from 'knex'; export async function up(db: Knex) {} export async function down() {}`,
    ],
  ])('by %s', (_, text) => {
    expect(read(inMigrations(['20260101_a.js'], text)).format.name).toBe('knex');
    expect(read(inMigrations(['0001_a.js'], text)).format.name).toBe('knex');
  });

  it.each(['knexfile.js', 'knexfile.ts', 'src/knexfile.cjs'])('by %s', (file) => {
    const text = 'exports.up = (db) => {}; exports.down = (db) => {};';
    const files = { [file]: '', 'src/db/migrations/20260101_a.js': text };
    expect(read(files).format.name).toBe('knex');
  });

  it.each([
    ['Kysely', `import { Kysely } from 'kysely'; export const up = 1, down = 1; // as with knex`],
    ['node-pg-migrate', 'exports.up = (pgm) => {}; exports.down = (pgm) => {};'],
    ['Sequelize', 'module.exports = { up: (queryInterface) => {}, down: (queryInterface) => {} };'],
    ['TypeORM', 'class A implements MigrationInterface { up() {} down() {} }'],
    ['no tool', `import knex from 'knex'; export default knex({});`],
  ])('not when it is of %s', (_, text) => {
    const root = folderOf({ 'knexfile.js': '', ...inMigrations(['1_a.js'], text) });
    expect(knex.matches(`${root}/migrations`, ['1_a.js'])).toBe(false);
  });
});

describe('the format knex', () => {
  it('names migrations with their extension, and ignores declarations', () => {
    const names = ['2_b.ts', '10_a.js', '1_c.cjs', '1_d.mjs'];
    const { migrations } = read({ ...inMigrations(names), 'migrations/1_c.d.ts': empty });
    expect(migrations.map(({ name }) => name)).toEqual(['10_a.js', '1_c.cjs', '1_d.mjs', '2_b.ts']);
  });

  it('reads only the extensions listed in the knexfile', () => {
    const { migrations } = read({
      ...inMigrations(['1_a.js', '1_a.ts']),
      'knexfile.js': `module.exports = { migrations: { directory: './migrations', loadExtensions: ['.ts'] } };`,
    });
    expect(migrations.map(({ name }) => name)).toEqual(['1_a.ts']);
  });

  it.each([
    ['', 'knex_migrations', 'public.knex_migrations_lock'],
    [`{ tableName: 'ran' }`, 'ran', 'public.ran_lock'],
    [
      `{ directory: './x', schemaName: "meta" }`,
      'meta.knex_migrations',
      'meta.knex_migrations_lock',
    ],
  ])('finds its tables in %j', (settings, table, lock) => {
    const { tracking } = read({ ...inMigrations(['1_a.js']), 'knexfile.js': settings });
    expect(tracking.table).toBe(table);
    expect(tracking.tables[1]).toBe(lock);
  });

  const load = (files: Record<string, string>, write = writeProject) => {
    const root = write({ 'package.json': '{}', ...inMigrations(['1_a.js']), ...files });
    return knex.loadModule?.(`${root}/migrations/1_a.js`, 'up');
  };
  const refusal = async (files: Record<string, string>, write?: typeof writeProject) => {
    const error: unknown = await load(files, write)?.catch((cause: unknown) => cause);
    if (error instanceof DbopsError) return `${error.message} ${error.hint}`;
    throw error;
  };

  it('reports that knex is not installed', async () => {
    expect(await refusal({}, folderOf)).toMatch(/knex is not installed .* npm install knex/);
  });

  it.each([
    ['it has no down', { 'migrations/1_a.js': 'exports.up = () => {};' }, /no function down/],
    ['it has no up', { 'migrations/1_a.js': 'exports.down = () => {};' }, /no function up/],
    [
      'the knexfile is for another server',
      { 'knexfile.js': `module.exports = { client: 'mysql2' }` },
      /is for mysql2/,
    ],
    [
      'the knexfile computes the table',
      {
        'knexfile.js': `const tableName = 'a' + 'b'; module.exports = { migrations: { tableName } }`,
      },
      /tracks migrations in ab/,
    ],
    [
      'the knexfile cannot be run',
      { 'knexfile.js': `throw new Error('DATABASE_URL is missing')` },
      /knexfile.js cannot be loaded/,
    ],
  ])('rejects a module when %s', async (_, files, message) => {
    expect(await refusal(files)).toMatch(message);
  });

  it.each([
    ['', '', false],
    ['exports.config = { transaction: false };', '', true],
    ['', '{ disableTransactions: true }', true],
    ['exports.config = { transaction: true };', '{ disableTransactions: true }', false],
  ])(
    'reads from %j and %j whether it runs in a transaction',
    async (config, settings, expected) => {
      const module = await load({
        'migrations/1_a.js': `${empty} ${config}`,
        'knexfile.js': `module.exports = () => ({ client: 'pg', migrations: ${settings || '{}'} });`,
      });
      expect(module?.noTransaction).toBe(expected);
    },
  );
});
