import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { folderOf } from '../cli/run-cli.ts';
import { inTurn, mostlyServers, targets } from '../db/targets.ts';
import { exists, withProject } from '../migrate/project.ts';

function errorOf(work: () => unknown): DbopsError {
  try {
    work();
  } catch (error) {
    if (error instanceof DbopsError) return error;
  }
  throw new Error('it was accepted');
}

/** Folders of tools that dbops does not support; several look like its own. */
const folders: [tool: string, folder: string, files: Record<string, string>][] = [
  ['goose', 'migrations', { '00001_a.sql': '-- +goose Up\nSELECT 1;\n-- +goose Down\n' }],
  ['goose', 'migrations', { '00001_a.up.sql': '-- +goose Up\nSELECT 1;' }],
  [
    'goose',
    'db/migrations',
    { '00001_a.go': 'func init() { goose.AddMigrationContext(up, down) }' },
  ],
  ['Flyway', 'migrations', { 'V1__init.sql': 'SELECT 1', 'R__views.sql': 'SELECT 1' }],
  ['Flyway', 'src/main/resources/db/migration', { 'V1.2__init.sql': 'SELECT 1' }],
  ['Liquibase', 'migrations', { '0001_a.up.sql': '--liquibase formatted sql\n--changeset a:1' }],
  ['Liquibase', 'db/changelog', { 'db.changelog-master.yaml': 'databaseChangeLog:\n  - include:' }],
  [
    'Liquibase',
    'db/changelog',
    { 'master.xml': '<databaseChangeLog xmlns="x"></databaseChangeLog>' },
  ],
  [
    'Sequelize',
    'migrations',
    { '20260101000000_a.js': 'module.exports = { async up(queryInterface, Sequelize) {} };' },
  ],
  [
    'TypeORM',
    'src/migrations',
    { '1700000000000-A.ts': 'export class A1700000000000 implements MigrationInterface {}' },
  ],
  [
    'TypeORM',
    'migrations',
    { '1700000000000_a.js': 'class A { async up(queryRunner) { await queryRunner.query(``); } }' },
  ],
  [
    'MikroORM',
    'migrations',
    { '20260101_a.ts': `import { Migration } from '@mikro-orm/migrations';` },
  ],
  [
    'Alembic',
    'alembic/versions',
    { 'ae1027a6acf_a.py': "revision = 'ae1027a6acf'\ndown_revision = None\n" },
  ],
  [
    'Django',
    'shop/migrations',
    { '0001_initial.py': 'class Migration(migrations.Migration): pass' },
  ],
  ['Rails', 'db/migrate', { '20260101000000_a.rb': 'class A < ActiveRecord::Migration[8.0]\nend' }],
  ['Atlas', 'migrations', { 'atlas.sum': 'h1:x', '20260101000000.sql': 'SELECT 1' }],
  ['Atlas', 'migrations', { 'atlas.sum': 'h1:x', '0001_a.up.sql': 'SELECT 1' }],
];

describe('a folder of an unsupported tool', () => {
  it.each(folders)('is recognized and refused: %s in %s', (tool, folder, files) => {
    const root = folderOf(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text])),
    );
    const requests = [
      { root },
      { root, migrations: `${root}/${folder}` },
      { root, migrations: `${root}/${folder}`, format: 'dbops' },
      { root, migrations: `${root}/${folder}`, format: 'dbmate' },
    ];
    for (const request of requests) {
      const { code, message, hint } = errorOf(() => readFolder(request));
      expect({ code, hint }).toMatchObject({ code: 'FOLDER.UNSUPPORTED' });
      expect(message).toContain(`migrations of ${tool}, which dbops does not support`);
      expect(hint).not.toContain('--format');
    }
  });

  it('is not searched for where a supported one is found', () => {
    const root = folderOf({
      'legacy/migrations/00001_a.up.sql': '-- +goose Up\nSELECT 1;',
      'db/migrations/20260101000000_a.sql': '-- migrate:up\nSELECT 1;',
    });
    expect(readFolder({ root }).format.name).toBe('dbmate');
  });

  it('never gets the advice to pass --format for numbered SQL files', () => {
    const root = folderOf({ 'migrations/20260101000000_a.sql': 'SELECT 1' });
    const { code, hint } = errorOf(() => readFolder({ root }));
    expect(code).toBe('FORMAT.UNKNOWN');
    expect(hint).toContain('sqlx');
    expect(hint).not.toContain('--format');
  });
});

const number = '20260101000000';

/** Tracking tables that record a migration of a folder in which nothing shows the tool. */
const tables: [tool: string, sql: string][] = [
  [
    'golang-migrate',
    `CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
     INSERT INTO schema_migrations VALUES (${number}, false)`,
  ],
  [
    'golang-migrate',
    `CREATE TABLE "My migrations" (version bigint PRIMARY KEY, dirty boolean NOT NULL);
     INSERT INTO "My migrations" VALUES (${number}, true)`,
  ],
  [
    'sqlx',
    `CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text, installed_on timestamptz,
       success boolean, checksum bytea, execution_time bigint);
     INSERT INTO _sqlx_migrations VALUES (${number}, 'a', now(), true, '', 1)`,
  ],
  [
    'goose',
    `CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp);
     INSERT INTO goose_db_version VALUES (1, 0, true, now()), (2, ${number}, true, now())`,
  ],
  [
    'Flyway',
    `CREATE TABLE flyway_schema_history (installed_rank int, version text, description text, type text,
       script text, checksum int, installed_by text, installed_on timestamp, execution_time int, success boolean);
     INSERT INTO flyway_schema_history (script, success) VALUES ('sql/${number}_a.up.sql', true)`,
  ],
  [
    'Liquibase',
    `CREATE TABLE databasechangelog (id text, author text, filename text, dateexecuted timestamp,
       orderexecuted int, exectype text, md5sum text);
     INSERT INTO databasechangelog (filename) VALUES ('db/${number}_a.up.sql')`,
  ],
  [
    'Sequelize',
    `CREATE TABLE "SequelizeMeta" (name text PRIMARY KEY);
     INSERT INTO "SequelizeMeta" VALUES ('${number}_a.up.sql')`,
  ],
  [
    'TypeORM',
    `CREATE TABLE migrations (id serial, "timestamp" bigint, name text);
     INSERT INTO migrations VALUES (1, ${number}, 'A${number}')`,
  ],
  [
    'MikroORM',
    `CREATE TABLE mikro_orm_migrations (id serial, name text, executed_at timestamptz);
     INSERT INTO mikro_orm_migrations VALUES (1, '${number}_a', now())`,
  ],
  [
    'Atlas',
    `CREATE SCHEMA atlas_schema_revisions;
     CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version text, description text, type int,
       applied int, total int, executed_at timestamptz, execution_time int, error text, error_stmt text,
       hash text, partial_hashes jsonb, operator_version text);
     INSERT INTO atlas_schema_revisions.atlas_schema_revisions (version) VALUES ('${number}')`,
  ],
];

const files = {
  [`${number}_a.up.sql`]: 'CREATE TABLE a (id int);',
  [`${number.replace('0101', '0102')}_b.up.sql`]: 'CREATE TABLE b (id int);',
};

describe.each(targets)('migrations that an unsupported tool has recorded, on $name', (target) => {
  const it = inTurn(target, mostlyServers);
  it.each(tables)('are not applied again: %s', (tool, sql) =>
    withProject(target, files, async ({ dbops, query, ...project }) => {
      await query(sql);
      for (const verb of ['up', 'baseline', 'redo', 'down']) {
        const { exitCode, stderr } = await dbops('migrate', verb);
        expect(exitCode).toBe(2);
        expect(stderr).toContain(`run by ${tool}, which dbops does not support`);
        expect(stderr).toContain('records 1 migration of this folder');
        expect(stderr).not.toContain('--format');
      }
      expect(await exists({ query }, 'a')).toBe(false);
      const { stdout } = await project
        .json('migrate', 'status')
        .then(() => dbops('migrate', 'status'));
      expect(stdout).toContain(`dbops does not support ${tool}`);
      expect(stdout).not.toContain('Apply pending migrations');
    }),
  );

  it('can be taken over by the command of the hint', () =>
    withProject(target, files, async ({ dbops, json, query }) => {
      const [[, table = ''] = []] = tables;
      await query(`${table}; CREATE TABLE a (id int)`);
      const { error } = await json('migrate', 'up');
      const command = /dbops (migrate baseline .*)$/.exec(error?.hint ?? '')?.[1] ?? '';
      expect((await dbops(...command.split(' '))).exitCode).toBe(0);
      expect((await dbops('migrate', 'up')).exitCode).toBe(0);
    }));

  it('do not include those of another folder', () =>
    withProject(target, files, async ({ dbops, query }) => {
      await query(`CREATE TABLE schema_migrations (version bigint, dirty boolean);
        INSERT INTO schema_migrations VALUES (7, false);
        CREATE TABLE customers (id serial, name text, "timestamp" bigint);
        INSERT INTO customers VALUES (1, 'a', 7)`);
      expect((await dbops('migrate', 'up', '--into-existing')).exitCode).toBe(0);
    }));
});
