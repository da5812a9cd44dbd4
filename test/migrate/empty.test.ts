import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { casesOn, newestAndEmbedded } from '../db/targets.ts';
import { exists, withAnyShadow } from './project.ts';

type Files = Record<string, string>;

/** A folder whose second migration has only comments, by format, with the name of that migration. */
const templates: [tool: string, name: string, files: Files][] = [
  [
    'dbops',
    '0002_b',
    { '0001_a.up.sql': 'CREATE TABLE a ();', '0002_b.up.sql': '-- write here\n/* ; */ ;\n' },
  ],
  [
    'Prisma',
    '20260102000000_b',
    {
      'migration_lock.toml': 'provider = "postgresql"',
      '20260101000000_a/migration.sql': 'CREATE TABLE a ();',
      '20260102000000_b/migration.sql': '-- This is an empty migration.',
    },
  ],
  [
    'dbmate',
    '20260102000000_b',
    {
      '20260101000000_a.sql': '-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\n',
      '20260102000000_b.sql': '-- migrate:up\n\n\n-- migrate:down\n\n',
    },
  ],
  [
    'node-pg-migrate',
    '1700000000002_b',
    {
      '1700000000001_a.js': "exports.up = (pgm) => pgm.createTable('a', {});",
      '1700000000002_b.js': 'exports.up = (pgm) => { /* } */ };\nexports.down = (pgm) => {};',
    },
  ],
  [
    'Kysely',
    '20260102T000000_b',
    {
      '../kysely.config.ts': '',
      '20260101T000000_a.ts':
        "import { sql } from 'kysely';\nexport const up = (db) => sql`CREATE TABLE a ()`.execute(db);",
      '20260102T000000_b.ts':
        "import type { Kysely } from 'kysely'\nexport async function up(db: Kysely<any>): Promise<void> {\n\t// up migration code goes here...\n}\nexport async function down(db: Kysely<any>): Promise<void> {\n\t// down migration\n}",
    },
  ],
  [
    'knex',
    '20260102000000_b.js',
    {
      '../knexfile.js': 'module.exports = {};',
      '20260101000000_a.js':
        "exports.up = (knex) => knex.raw('CREATE TABLE a ()'); exports.down = (knex) => {};",
      '20260102000000_b.js':
        '/** @param { import("knex").Knex } knex */\nexports.up = function(knex) {\n  \n};\nexports.down = function(knex) {\n  \n};\n',
    },
  ],
];

describe.each(newestAndEmbedded)('a migration with only comments on $name', (target) => {
  it.each(casesOn(target, templates, newestAndEmbedded))(
    'is applied only with --allow-empty: %s',
    (_, name, files) =>
      withAnyShadow(target, files, async (project) => {
        const refused = await project.dbops('migrate', 'up');
        expect(refused.exitCode).toBe(2);
        expect(refused.stderr).toContain(`${name} has no statements; nothing was applied`);
        expect(refused.stderr).toContain('dbops migrate up --allow-empty');
        expect(await exists(project, 'a')).toBe(false);
        expect((await project.dbops('migrate', 'up', '--dry-run')).exitCode).toBe(2);
        expect((await project.dbops('migrate', 'up', '--steps', '1')).exitCode).toBe(0);
        expect(await project.dbops('migrate', 'up', '--allow-empty')).toMatchObject({
          exitCode: 0,
        });
        expect((await project.json('migrate', 'status')).migrations).toMatchObject([
          { state: 'applied' },
          { name, state: 'applied' },
        ]);
      }),
  );

  const downs: [tool: string, files: Files][] = [
    [
      'a file',
      { '0001_a.up.sql': 'CREATE TABLE a ();', '0001_a.down.sql': '-- undoes: a\n/* later */' },
    ],
    [
      'a section',
      {
        '1700000000001_a.sql':
          '-- Up Migration\nCREATE TABLE a ();\n-- Down Migration\n/* nothing yet */\n',
      },
    ],
    [
      'a function',
      {
        '../knexfile.js': 'module.exports = {};',
        '20260101000000_a.js':
          "exports.up = (knex) => knex.raw('CREATE TABLE a ()');\nexports.down = async (knex) => {\n  // nothing yet\n};",
      },
    ],
  ];

  it.each(casesOn(target, downs, newestAndEmbedded))(
    'is rolled back as if it had no down migration: %s',
    (_, files) =>
      withAnyShadow(target, files, async (project) => {
        await project.dbops('migrate', 'up');
        const { stdout, stderr, exitCode } = await project.dbops('migrate', 'down');
        expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
        expect(stdout).toContain('✓ 1 migration rolled back');
        expect(await exists(project, 'a')).toBe(false);
      }),
  );

  it('keeps the comments of a down file to which a rollback is written', () =>
    withAnyShadow(target, downs[0]?.[1] ?? {}, async (project) => {
      await project.dbops('migrate', 'up');
      expect((await project.dbops('migrate', 'down', '--write')).exitCode).toBe(0);
      const file = join(project.root, 'migrations/0001_a.down.sql');
      expect(existsSync(file)).toBe(true);
      expect(readFileSync(file, 'utf8')).toMatch(/^-- undoes: a\n\/\* later \*\/\n-- Gen[^]*DROP/);
      expect((await project.dbops('migrate', 'down', '--write')).stdout).toContain(
        'Every migration has a down migration',
      );
    }));
});
