import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrated } from '../catalog/trial.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { newest, newestAndEmbedded, withDatabase } from '../db/targets.ts';

const files = {
  '.git/HEAD': 'ref: refs/heads/main',
  'app/dbops.config.json': '{}',
  'app/migrations/0001_a.up.sql': `CREATE TABLE audit (
  -- dbops: allow no-primary-key because rows are appended only
  line text
);
CREATE TABLE event (at timestamptz);
CREATE TABLE plain (id int PRIMARY KEY, n int);`,
  'app/migrations/0002_b.up.sql': `-- dbops: allow no-primary-key because x
SELECT 1;
CREATE INDEX plain_n ON plain (n);`,
};

describe.each(newestAndEmbedded)('the findings of verify on $name', (target) => {
  it('point to the statements, and to the configuration for what was made by hand', async () => {
    const root = folderOf(files);
    const cwd = join(root, 'app');
    await migrated(target, join(cwd, 'migrations'), async ({ url, sql }) => {
      await sql('DROP INDEX plain_n; CREATE TABLE by_hand (id int PRIMARY KEY)');
      const environment = { DATABASE_URL: url };
      const skip = ['--skip', 'server', 'security', 'unused-index'];
      const words = ['verify', '--verbose', '--json', '--report', 'junit=r.xml', ...skip];
      const { exitCode, stdout } = await runCli(words, { cwd, environment });
      expect(exitCode).toBe(4);
      const document = JSON.parse(stdout);
      const places = document.findings.map(
        ({ key, where }: { key: string; where: { file: string; line: number } }) =>
          `${key} ${where.file}:${where.line}`,
      );
      expect(places.toSorted()).toEqual([
        'extra-table:public.by_hand app/dbops.config.json:1',
        'missing-index:plain_n on public.plain app/migrations/0002_b.up.sql:3',
        'no-primary-key:public.event app/migrations/0001_a.up.sql:5',
        'unused-allow:no-primary-key:0002_b:1 app/migrations/0002_b.up.sql:1',
      ]);
      expect(document.allowed).toBe(1);
      const junit = readFileSync(join(cwd, 'r.xml'), 'utf8');
      expect(junit).toContain(
        'name="no-primary-key:public.event" file="app/migrations/0001_a.up.sql" line="5"',
      );
      expect(junit).toContain('<skipped message="allowed: rows are appended only"/>');
      expect(junit).toContain('classname="dbops.integrity" name="invalid-index" time="0"/>');
    });
  });
});

describe.each(newest)('modules on $name', (target) => {
  it('are named by a replay', async () => {
    const up = (table: string, column: string) =>
      `export async function up(db) { await db.schema.createTable('${table}').addColumn(${column}).execute(); }`;
    const key = "'id', 'integer', (each) => each.primaryKey()";
    const cwd = folderOf({
      'package.json': '{"type":"module"}',
      'dbops.config.json': '{"format": "kysely"}',
      'migrations/1_a.js': up('plain', key),
      'migrations/2_b.js': up('event', "'at', 'timestamptz'"),
      'migrations/3_c.js': up('other', key),
    });
    await withDatabase(target, async (url) => {
      const surroundings = { cwd, environment: { DATABASE_URL: url } };
      expect(await runCli(['migrate', 'up'], surroundings)).toMatchObject({ exitCode: 0 });
      const { stdout } = await runCli(['verify', 'tables', '--json'], surroundings);
      const where = { file: 'migrations/2_b.js', line: 1 };
      const findings = [{ key: 'no-primary-key:public.event', where }];
      expect(JSON.parse(stdout)).toMatchObject({ findings });
    });
  });
});

describe.each(newest)('CI reports on $name', (target) => {
  it('of migrate status name pending migrations, and those of repair-tracking its changes', async () => {
    const cwd = folderOf({ 'migrations/0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY)' });
    await migrated(target, join(cwd, 'migrations'), async ({ url, sql }) => {
      writeFileSync(join(cwd, 'migrations/0002_b.up.sql'), 'CREATE TABLE b (id int PRIMARY KEY)');
      const environment = { DATABASE_URL: url };
      const run = async (words: string) => {
        const argv = [...words.split(' '), '--report', 'gitlab=-', '--quiet'];
        const { exitCode, stdout } = await runCli(argv, { cwd, environment });
        const places = JSON.parse(stdout).map(
          (each: { check_name: string; location: { path: string } }) =>
            `${each.check_name} ${each.location.path}`,
        );
        return [exitCode, places];
      };
      expect(await run('migrate status --check')).toEqual([
        5,
        ['pending migrations/0002_b.up.sql'],
      ]);
      expect(await run('repair-tracking')).toEqual([0, []]);
      await sql('CREATE TABLE b (id int PRIMARY KEY)');
      expect(await run('repair-tracking')).toEqual([6, ['proven migrations/0002_b.up.sql']]);
    });
  });
});
