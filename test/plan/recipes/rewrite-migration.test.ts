import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dbops } from '../../../src/formats/dbops/index.ts';
import { graphileMigrate as graphile } from '../../../src/formats/graphile-migrate/index.ts';
import { nodePgMigrate } from '../../../src/formats/node-pg-migrate/index.ts';
import { prisma } from '../../../src/formats/prisma/index.ts';
import { supabase } from '../../../src/formats/supabase/index.ts';
import type { Format } from '../../../src/formats/format.ts';
import { remainingRollback } from '../../../src/plan/recipes/remaining-rollback.ts';
import { rewriteMigration } from '../../../src/plan/recipes/rewrite-migration.ts';
import { recipeFilesOf, writeFiles } from '../../../src/plan/recipes/write-files.ts';

const sql = `-- dbops: lock-timeout 2s
-- why
CREATE TABLE a (x int);
-- the index
CREATE INDEX i ON t (x);
SELECT 1 -- end`;

const steps = [{ statements: ['CREATE INDEX CONCURRENTLY i ON t (x)'], transaction: false }];

const rewritten = () =>
  rewriteMigration({
    sql,
    noTransaction: false,
    recipes: [{ offset: sql.indexOf('CREATE INDEX'), steps }],
  });

describe('rewriteMigration', () => {
  it('keeps the other statements in order, with their comments and directives', async () => {
    const files = await rewritten();
    expect(files.map(({ suffix, noTransaction }) => [suffix, noTransaction])).toEqual([
      ['', false],
      ['part_2', true],
      ['part_3', false],
    ]);
    expect(files.map((file) => file.sql)).toEqual([
      '-- dbops: lock-timeout 2s\n\n-- why\nCREATE TABLE a (x int);\n',
      '-- dbops: no-transaction\n-- dbops: lock-timeout 2s\n\n-- the index\nCREATE INDEX CONCURRENTLY i ON t (x);\n',
      '-- dbops: lock-timeout 2s\n\nSELECT 1 -- end\n;\n',
    ]);
  });
});

describe('a migration with settings', () => {
  const settings = `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n-- why\nSET lock_timeout = '2s';\nSET LOCAL work_mem = '9MB';\n`;
  const text = `${settings}CREATE INDEX i ON t (x);\nSELECT 1;\nSET search_path = s;\nSELECT 2;\nCREATE INDEX j ON t (x)`;
  const recipeAt = (statement: string, replacement: string) => ({
    offset: text.indexOf(statement),
    steps: [{ statements: [replacement], transaction: false }],
  });

  it('repeats them in each file in which they have an effect', async () => {
    const recipes = [
      recipeAt('CREATE INDEX i', 'CREATE INDEX CONCURRENTLY i ON t (x)'),
      recipeAt('CREATE INDEX j', 'CREATE INDEX CONCURRENTLY j ON t (x)'),
    ];
    const files = await rewriteMigration({ sql: text, noTransaction: false, recipes });
    expect(files.map(({ statements }) => statements)).toEqual([
      ["SET lock_timeout = '2s'", '-- why\nCREATE INDEX CONCURRENTLY i ON t (x)'],
      [
        'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
        "SET lock_timeout = '2s'",
        "SET LOCAL work_mem = '9MB'",
        'SELECT 1',
        'SET search_path = s',
        'SELECT 2',
      ],
      ["SET lock_timeout = '2s'", 'SET search_path = s', 'CREATE INDEX CONCURRENTLY j ON t (x)'],
    ]);
  });
});

describe('remainingRollback', () => {
  it('leaves out what later files add', async () => {
    const later = `CREATE TABLE parts (id int); ALTER TABLE t ADD COLUMN a int;
      ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; CREATE INDEX CONCURRENTLY i ON t (a);
      ALTER TABLE t ADD CONSTRAINT t_b_not_null NOT NULL b NOT VALID; ALTER TABLE t ALTER d SET NOT NULL`;
    const down = `DROP TABLE parts; ALTER TABLE t DROP COLUMN a, DROP COLUMN b; DROP INDEX i; ALTER TABLE t
      ALTER b DROP NOT NULL, ALTER d DROP NOT NULL, DROP CONSTRAINT c, DROP CONSTRAINT other; DROP TABLE t`;
    const kept = await remainingRollback(down, later);
    expect(kept.map((each) => each.replaceAll(/\s+/g, ' '))).toEqual([
      'ALTER TABLE t DROP COLUMN b',
      'ALTER TABLE t DROP CONSTRAINT other',
      'DROP TABLE t',
    ]);
  });
});

describe('recipeFilesOf', () => {
  const open = (format: Format, path: string) => {
    const directory = mkdtempSync(join(tmpdir(), 'dbops-test-'));
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), sql);
    const read = () => ({ format, directory, ...format.read(directory, readdirSync(directory)) });
    return { directory, read };
  };

  it.each([
    { format: dbops, path: '0001_change.up.sql' },
    { format: prisma, path: '20260101000000_change/migration.sql' },
    { format: supabase, path: '20260101000000_change.sql' },
    { format: nodePgMigrate, path: '1700000000000_change.up.sql' },
  ])('replaces the migration in a folder of $format.name', async ({ format, path }) => {
    const { read } = open(format, path);
    const folder = read();
    const [migration] = folder.migrations;
    if (!migration) throw new Error('the folder has a migration');
    const files = await rewritten();
    writeFiles(await recipeFilesOf({ folder, migration, files, backfills: [], now: new Date(0) }));
    const { migrations } = read();
    const texts = migrations.map(({ up }) => readFileSync(up.file, 'utf8'));
    expect(texts).toHaveLength(3);
    expect(texts[0]).toContain('CREATE TABLE a');
    expect(texts[1]).toContain('CREATE INDEX CONCURRENTLY i');
    expect(texts[2]).toContain('SELECT 1');
  });

  it('rejects a module, and a format that dbops does not write', async () => {
    const files = await rewritten();
    const request = { files, backfills: [], now: new Date(0) };
    const module = open(dbops, '0001_change.ts').read();
    const committed = open(graphile, 'committed/000001.sql');
    const all = {
      ...committed.read(),
      format: graphile,
      migrations: open(dbops, '0001_a.up.sql').read().migrations,
    };
    for (const [folder, code] of [
      [module, 'PLAN.MODULE'],
      [all, 'PLAN.FORMAT'],
    ] as const) {
      const [migration] = folder.migrations;
      if (!migration) throw new Error('the folder has a migration');
      await expect(recipeFilesOf({ ...request, folder, migration })).rejects.toMatchObject({
        code,
      });
    }
  });

  it('rejects a migration that is not the last', async () => {
    const { directory, read } = open(dbops, '0001_change.up.sql');
    writeFileSync(join(directory, '0002_next.up.sql'), 'SELECT 1;');
    const folder = read();
    const [migration] = folder.migrations;
    if (!migration) throw new Error('the folder has a migration');
    const files = await rewritten();
    const request = { folder, migration, files, backfills: [], now: new Date(0) };
    await expect(recipeFilesOf(request)).rejects.toThrow('is not the last migration');
  });
});
