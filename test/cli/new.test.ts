import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { servers, targets, withDatabase, type Target } from '../db/targets.ts';
import { latest as migrateWithKnex } from '../interop/knex-project.ts';
import { latest as migrateWithKysely } from '../interop/kysely-project.ts';
import { byState, projectOn, writeProject, type Project } from '../migrate/project.ts';
import { folderOf, runCli, runShell } from './run-cli.ts';

type Files = Record<string, string>;

const [target] = targets;

/** A folder of a tool with one migration, and what a second one is called. */
interface Example {
  format: string;
  files: Files;
  /** The paths of the new files; a group is the time. */
  written: RegExp[];
}

const kysely = `import { sql, type Kysely } from 'kysely';
export async function up(db: Kysely<any>) { await sql\`SELECT 1\`.execute(db); }
export async function down() {}`;
const sections = '-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 1;\n';
const marks = '-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n';
const knexModule =
  'export const up = (knex: any) => knex.raw("SELECT 1");\nexport const down = async () => {};';
const knexfile = { 'package.json': '{}', 'knexfile.js': `module.exports = { client: 'pg' };` };

const examples: [string, Example][] = [
  [
    'dbops',
    {
      format: 'dbops',
      files: { 'migrations/0009_a.up.sql': 'SELECT 1;' },
      written: [/^migrations\/0010_add_it\.up\.sql$/, /^migrations\/0010_add_it\.down\.sql$/],
    },
  ],
  [
    'dbmate',
    {
      format: 'dbmate',
      files: { 'db/migrations/20240102030405_a.sql': marks },
      written: [/^db\/migrations\/\d{14}_add_it\.sql$/],
    },
  ],
  [
    'dbmate, of the future',
    {
      format: 'dbmate',
      files: { 'db/migrations/20901231235959_a.sql': marks },
      written: [/^db\/migrations\/20910101000000_add_it\.sql$/],
    },
  ],
  [
    'Supabase',
    {
      format: 'supabase',
      files: { 'supabase/migrations/20240102030405_a.sql': 'SELECT 1;' },
      written: [/^supabase\/migrations\/\d{14}_add_it\.sql$/],
    },
  ],
  [
    'Prisma',
    {
      format: 'prisma',
      files: {
        'prisma/migrations/migration_lock.toml': 'provider = "postgresql"',
        'prisma/migrations/20240102030405_a/migration.sql': 'SELECT 1;',
      },
      written: [/^prisma\/migrations\/\d{14}_add_it\/migration\.sql$/],
    },
  ],
  [
    'Kysely with milliseconds',
    {
      format: 'kysely',
      files: { 'package.json': '{}', 'src/migrations/1744910873969-Initial.ts': kysely },
      written: [/^src\/migrations\/\d{13}-add_it\.ts$/],
    },
  ],
  [
    'Kysely with days, two of one day',
    {
      format: 'kysely',
      files: { 'package.json': '{}', 'src/migrations/2090-01-31_zeta.ts': kysely },
      written: [/^src\/migrations\/2090-02-01_add_it\.ts$/],
    },
  ],
  [
    'knex in CommonJS',
    {
      format: 'knex',
      files: {
        ...knexfile,
        'migrations/20240102030405_a.js':
          'exports.up = (knex) => knex.raw("SELECT 1");\nexports.down = () => Promise.resolve();',
      },
      written: [/^migrations\/\d{14}_add_it\.js$/],
    },
  ],
  [
    'knex in TypeScript',
    {
      format: 'knex',
      files: {
        ...knexfile,
        'migrations/20240102030405_a.ts': knexModule,
      },
      written: [/^migrations\/\d{14}_add_it\.ts$/],
    },
  ],
  [
    'node-pg-migrate with sections and milliseconds',
    {
      format: 'node-pg-migrate',
      files: { 'migrations/1700000000000_a.sql': sections },
      written: [/^migrations\/\d{13}_add_it\.sql$/],
    },
  ],
  [
    'node-pg-migrate with dates, at the end of a minute of the future',
    {
      format: 'node-pg-migrate',
      files: { 'migrations/20900102030459999_a.sql': sections },
      written: [/^migrations\/20900102030500000_add_it\.sql$/],
    },
  ],
  [
    'node-pg-migrate with pairs',
    {
      format: 'node-pg-migrate',
      files: { 'migrations/1700000000000_a.up.sql': 'SELECT 1;' },
      written: [/^migrations\/\d{13}_add_it\.up\.sql$/, /^migrations\/\d{13}_add_it\.down\.sql$/],
    },
  ],
  [
    'node-pg-migrate with modules',
    {
      format: 'node-pg-migrate',
      files: {
        'package.json': '{}',
        'migrations/1700000000000_a.js': 'exports.up = (pgm) => { pgm.sql("SELECT 1"); };',
      },
      written: [/^migrations\/\d{13}_add_it\.js$/],
    },
  ],
];

describe.runIf(target)('a new migration is the last one of its folder, pending, and runs', () => {
  it.each(examples)('%s', async (_, { format, files, written }) => {
    await withDatabase(target as Target, async (url) => {
      const project = projectOn(url, writeProject(files));
      expect((await project.json('migrate', 'up', '--allow-empty')).exitCode).toBe(0);
      const before = await project.json('migrate', 'status');
      const answer = await project.json('migrate', 'new', 'Add it!');
      expect(answer).toMatchObject({
        ok: true,
        files: written.map((path) => expect.stringMatching(path)),
      });
      const after = await project.json('migrate', 'status');
      expect(after).toMatchObject({ format, findings: [] });
      const { applied, pending = [], ...others } = byState(after);
      expect({ applied, others }).toEqual({ applied: byState(before)['applied'], others: {} });
      expect(pending).toEqual([expect.stringContaining('add_it')]);
      const up = await project.json('migrate', 'up', '--allow-empty');
      expect(up.exitCode).toBe(0);
      expect(byState(await project.json('migrate', 'status'))).toEqual({
        applied: [...(applied ?? []), ...pending],
      });
    });
  });
});

const pgMigrate = resolve(
  import.meta.dirname,
  '../../node_modules/node-pg-migrate/bin/node-pg-migrate.js',
);

/** Migrates with node-pg-migrate; answers the names of what it did. */
async function migrateWithPgMigrate({ root, url }: Pick<Project, 'root' | 'url'>) {
  const { stdout } = await runShell(`'${process.execPath}' '${pgMigrate}' up`, {
    cwd: root,
    environment: { DATABASE_URL: url, JITI_FS_CACHE: 'false' },
  });
  return stdout.match(/^> - .*/gm) ?? [];
}

const modulePackage = { 'package.json': '{ "type": "module" }' };

describe.runIf(servers[0])('the tool itself runs a new migration', () => {
  it.each([
    ['Kysely', { ...modulePackage, 'migrations/1744910873969_a.ts': kysely }, migrateWithKysely],
    ['knex', { ...knexfile, 'migrations/20240102030405_a.ts': knexModule }, migrateWithKnex],
    ['node-pg-migrate', { 'migrations/1700000000000_a.sql': sections }, migrateWithPgMigrate],
  ])('%s', async (_, files: Files, latest) => {
    await withDatabase(target as Target, async (url) => {
      const project = projectOn(url, writeProject(files));
      expect(await latest(project)).toHaveLength(1);
      await project.json('migrate', 'new', 'add it');
      expect(await latest(project)).toEqual([expect.stringContaining('add_it')]);
    });
  });
});

describe('a new migration', () => {
  const journal = { version: '7', dialect: 'postgresql', entries: [] };
  it.each([
    [
      'Drizzle 0.x',
      { 'drizzle/meta/_journal.json': JSON.stringify(journal) },
      'npx drizzle-kit generate --custom --name=add_it',
    ],
    [
      'Drizzle 1.0',
      {
        'drizzle/20240102030405_a/migration.sql': 'SELECT 1;',
        'drizzle/20240102030405_a/snapshot.json': '{}',
      },
      'npx drizzle-kit generate --custom --name=add_it',
    ],
    [
      'graphile-migrate',
      { 'migrations/committed/.gitkeep': '', 'migrations/current.sql': '' },
      'npx graphile-migrate commit --message add_it',
    ],
  ])('of %s is its tool’s to make, and nothing is written', async (_, files: Files, command) => {
    const cwd = folderOf(files);
    const before = readdirSync(cwd, { recursive: true });
    const { exitCode, stderr } = await runCli(['migrate', 'new', 'Add it'], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(command);
    expect(readdirSync(cwd, { recursive: true })).toEqual(before);
  });

  it('creates a folder in the format of dbops when none exists', async () => {
    const cwd = folderOf({ 'migrations/.gitkeep': '' });
    for (const at of [cwd, folderOf({})]) {
      expect(await runCli(['migrate', 'new', 'Add it'], { cwd: at })).toMatchObject({
        exitCode: 0,
      });
      expect(existsSync(join(at, 'migrations/0001_add_it.up.sql'))).toBe(true);
    }
  });

  it('is the first of the format that is asked for', async () => {
    const cwd = folderOf({});
    const words = ['migrate', 'new', 'a', '--format', 'dbmate', '--migrations', 'db/migrations'];
    expect(await runCli(words, { cwd })).toMatchObject({ exitCode: 0 });
    const [file = ''] = readdirSync(join(cwd, 'db/migrations'));
    expect(file).toMatch(/^20\d{12}_a\.sql$/);
    expect(readFileSync(join(cwd, 'db/migrations', file), 'utf8')).toMatch(/^-- migrate:up\n/);
  });

  it('requires --migrations when several folders exist', async () => {
    const cwd = folderOf({
      'a/migrations/0001_a.up.sql': '',
      'b/db/migrations/20240102030405_a.sql': marks,
    });
    const { exitCode, stderr } = await runCli(['migrate', 'new', 'a'], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Found 2 folders of migrations');
    expect(existsSync(join(cwd, 'migrations'))).toBe(false);
  });

  it('is refused where the tool would not run it last', async () => {
    const cwd = folderOf({ 'package.json': '{}', 'migrations/create_users.ts': kysely });
    const { exitCode, stderr } = await runCli(['migrate', 'new', 'add it'], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('would sort before create_users');
    expect(readdirSync(join(cwd, 'migrations'))).toEqual(['create_users.ts']);
  });

  it('rejects --module for a tool that runs SQL only', async () => {
    const cwd = folderOf({ 'supabase/migrations/20240102030405_a.sql': '' });
    const { exitCode, stderr } = await runCli(['migrate', 'new', 'a', '--module'], { cwd });
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('SQL files'),
    });
  });
});

describe.runIf(target)('migrate status', () => {
  const status = (files: Files) =>
    withDatabaseOf(
      files,
      async (project) =>
        [
          (await project.dbops('migrate', 'status')).stdout,
          await project.json('migrate', 'status'),
        ] as const,
    );

  it('names files of dbops’ own folder that never run', async () => {
    const [, document] = await status({
      'migrations/0001_a.up.sql': 'SELECT 1;',
      'migrations/0001_a.down.sql': 'SELECT 1;',
      'migrations/types.ts': 'export type Shared = string;',
      'migrations/2024-01-01_b.ts': kysely,
      'migrations/seed.sql': 'SELECT 1;',
    });
    expect(document).toMatchObject({
      findings: ['2024-01-01_b.ts', 'seed.sql'].map((object) => ({
        code: 'unknown-file',
        severity: 'warning',
        where: { object },
      })),
    });
  });

  it.each([
    [
      'a number that is used twice',
      { '0001_a.up.sql': '', '0002_b.up.sql': '', '0002_c.up.sql': '' },
    ],
    [
      'a directory without its file',
      { '20260101000000_a/migration.sql': 'SELECT 1', '20260102000000_b/notes': '' },
    ],
    ['a file that its tool refuses', { '1_a.sql': marks, '2_b.sql': '-- migrate:down\n' }],
  ])('does not send to `up` what `up` refuses: %s', async (_, names: Files) => {
    const files = Object.entries(names).map(([name, sql]) => [`migrations/${name}`, sql]);
    const [stdout] = await status(Object.fromEntries(files) as Files);
    expect(stdout).toContain('pending');
    expect(stdout).not.toContain('dbops migrate up');
  });

  it('sends to `up` what it would run', async () => {
    const [stdout] = await status({ 'migrations/0001_a.up.sql': 'SELECT 1;' });
    expect(stdout).toContain('→ Apply pending migrations: dbops migrate up');
  });
});

async function withDatabaseOf<T>(
  files: Files,
  test: (project: ReturnType<typeof projectOn>) => Promise<T>,
): Promise<T> {
  const results: T[] = [];
  await withDatabase(target as Target, async (url) => {
    results.push(await test(projectOn(url, writeProject(files))));
  });
  return results[0] as T;
}

it('names the missing journal of a folder that is said to be Drizzle’s', async () => {
  const cwd = folderOf({ 'drizzle/0000_a.sql': 'SELECT 1;' });
  const words = ['migrate', 'status', '--format', 'drizzle', '--migrations', 'drizzle'];
  const { exitCode, stderr } = await runCli(words, { cwd });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('no meta/_journal.json');
});

describe('init', () => {
  it.each([
    ['no package', {}, 'dbops.config.ts'],
    ['a package of modules', { 'package.json': '{ "type": "module" }' }, 'dbops.config.ts'],
    ['another package', { 'package.json': '{}' }, 'dbops.config.mts'],
  ])('in %s', async (_, files: Files, name) => {
    const cwd = folderOf(files);
    const { exitCode, stdout } = await runCli(['init'], { cwd });
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`✓ ${name}`),
    });
    expect(readdirSync(cwd)).toContain(name);
  });

  it('proposes declarations from the replay that completes the prelude, and says what is not set', async () => {
    const cwd = folderOf({
      'migrations/0001_all.up.sql': `CREATE TABLE workspaces (id int PRIMARY KEY, plan text);
        CREATE TABLE app.calls (workspace_id int REFERENCES workspaces, called_at timestamptz NOT NULL)`,
    });
    const { stdout } = await runCli(['init'], { cwd });
    expect(stdout).toContain('✓ prelude.sql');
    expect(stdout).toContain('proposes usage as comments, from the migrations');
    expect(stdout).toContain('Set DATABASE_URL in .env, then run: dbops migrate status');
    expect(readFileSync(join(cwd, 'dbops.config.ts'), 'utf8')).toContain("at: 'called_at'");
  });

  it('names a database that it cannot reach, and no folder that does not exist', async () => {
    const cwd = folderOf({});
    const environment = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/shop' };
    const { stdout, stderr } = await runCli(['init'], { cwd, environment });
    expect(stderr).toMatch(/not looked at {2}the database: .*127\.0\.0\.1:1/);
    expect(stdout).toContain('→ Create the first migration: dbops migrate new NAME');
    expect(readFileSync(join(cwd, 'dbops.config.ts'), 'utf8')).not.toContain('migrations:');
  });

  it('leaves a configuration of any ending alone', async () => {
    const cwd = folderOf({ 'dbops.config.json': '{}' });
    const { exitCode, stderr } = await runCli(['init'], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('dbops.config.json already exists');
    expect(readdirSync(cwd)).toEqual(['dbops.config.json']);
  });
});
