import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findingsOf, readFolder } from '../../src/formats/open-folder.ts';
import { newest, targets, type Target } from '../db/targets.ts';
import { folderOf, runCli, runShell } from '../cli/run-cli.ts';
import { exists, withProject } from '../migrate/project.ts';

const accented = (text: string) => Buffer.from(text, 'latin1');
const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();

/** Encodings of a file whose second line holds é, with what a message names. */
const encodings: [name: string, encode: (text: string) => Buffer, named: RegExp][] = [
  ['Latin-1', accented, /line 2 .*Latin-1 \(ISO-8859-1\)/],
  ['Windows-1252', (text) => accented(text.replace('é', '\x93')), /line 2 .*Windows-1252/],
  [
    'UTF-16LE',
    (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
    /UTF-16 \(little-endian\) with a/,
  ],
  ['UTF-16BE', (text) => bigEndian(`\uFEFF${text}`), /UTF-16 \(big-endian\) with a/],
  [
    'UTF-16LE without BOM',
    (text) => Buffer.from(text, 'utf16le'),
    /UTF-16 \(little-endian\) without/,
  ],
  ['UTF-16BE without BOM', bigEndian, /UTF-16 \(big-endian\) without/],
  ['a NUL byte', (text) => Buffer.from(text.replace('é', '\0')), /NUL byte in line 2/],
];

const sql = "SELECT 1;\nCREATE TABLE t (a text DEFAULT 'é');\n";
const module = (body: string) => `// up\n// é\n${body}`;

/** One folder for each format, and the files of it that hold SQL or code. */
const folders: [format: string, files: Record<string, string>, flawed: string[]][] = [
  [
    'dbops',
    { 'migrations/0001_a.up.sql': sql, 'migrations/0001_a.down.sql': sql },
    ['migrations/0001_a.up.sql', 'migrations/0001_a.down.sql'],
  ],
  [
    'dbmate',
    { 'db/migrations/20260101000000_a.sql': `-- migrate:up\n-- é\n${sql}-- migrate:down\n` },
    ['db/migrations/20260101000000_a.sql'],
  ],
  [
    'node-pg-migrate',
    { 'migrations/1700000000000_a.sql': `-- Up Migration\n-- é\n${sql}` },
    ['migrations/1700000000000_a.sql'],
  ],
  [
    'prisma',
    {
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"',
      'prisma/migrations/20260101000000_a/migration.sql': sql,
      'prisma/migrations/20260101000000_a/down.sql': sql,
    },
    [
      'prisma/migrations/20260101000000_a/migration.sql',
      'prisma/migrations/20260101000000_a/down.sql',
    ],
  ],
  [
    'drizzle',
    {
      'drizzle/meta/_journal.json': JSON.stringify({
        dialect: 'postgresql',
        entries: [{ idx: 0, when: 1_700_000_000_000, tag: '0000_a' }],
      }),
      'drizzle/0000_a.sql': sql,
      'drizzle/0000_a.down.sql': sql,
    },
    ['drizzle/0000_a.sql', 'drizzle/0000_a.down.sql'],
  ],
  [
    'supabase',
    { 'supabase/migrations/20260101000000_a.sql': sql },
    ['supabase/migrations/20260101000000_a.sql'],
  ],
  [
    'graphile-migrate',
    {
      'migrations/current.sql': '',
      'migrations/committed/000001.sql': '--! Previous: -\n--! é: x\n\nSELECT 1;\n',
    },
    ['migrations/committed/000001.sql'],
  ],
  [
    'knex',
    { 'migrations/20260101_a.js': module('exports.up = exports.down = (knex) => {};') },
    ['migrations/20260101_a.js'],
  ],
  [
    'kysely',
    {
      'kysely.config.ts': '',
      'migrations/20260101_a.ts': module('export async function up(db) {}'),
    },
    ['migrations/20260101_a.ts'],
  ],
];

describe.each(encodings)('a file in %s', (_, encode, named) => {
  it.each(folders)(
    'is listed, and cannot be read to be run, in a folder of %s',
    (format, files, flawed) => {
      for (const file of flawed) {
        const root = folderOf({ 'package.json': '{}', ...files });
        writeFileSync(join(root, file), encode(files[file] ?? ''));
        const folder = readFolder({ root });
        expect(folder.format.name).toBe(format);
        const finding = findingsOf(folder).find(({ code }) => code === 'not-utf8');
        expect(finding?.message).toMatch(named);
        expect(finding?.message).toContain(file);
        const { up, down } = folder.migrations[0] ?? {};
        const script = [up, down].find((each) => each?.file === join(root, file));
        expect(() => script?.kind === 'sql' && script.sql).toThrow(named);
      }
    },
  );
});

describe('a file in UTF-8', () => {
  it('is accepted with a byte order mark', () => {
    const folder = readFolder({ root: folderOf({ 'migrations/0001_a.up.sql': `\uFEFF${sql}` }) });
    expect(folder.findings).toEqual([]);
    expect(folder.migrations[0]?.up).toMatchObject({ sql });
  });
});

const [target] = targets;
const on = target as Target;

describe.runIf(target)('dbops', () => {
  it.each(encodings)('names %s, the file and the line before anything runs', (_, encode, named) =>
    withProject(on, { '0001_a.up.sql': 'CREATE TABLE a (id int);' }, async (project) => {
      const file = join(project.root, 'migrations/0002_b.up.sql');
      writeFileSync(file, encode(sql));
      const up = await project.dbops('migrate', 'up');
      expect(up.exitCode).toBe(2);
      expect(up.stderr).toMatch(named);
      expect(up.stderr).toContain('0002_b.up.sql');
      expect(await exists(project, 'a')).toBe(false);
      const status = await project.dbops('migrate', 'status');
      expect(status.stdout).toMatch(named);
      expect(status.stdout).not.toContain('dbops migrate up');
      expect((await project.dbops('migrate', 'status', '--check')).exitCode).toBe(4);
      expect((await project.dbops('migrate', 'up', '--to', '0001')).exitCode).toBe(0);
    }),
  );

  it('rolls nothing back with a down file in Latin-1', () =>
    withProject(
      on,
      { '0001_a.up.sql': 'CREATE TABLE a (id int);', '0001_a.down.sql': 'DROP TABLE a;' },
      async (project) => {
        await project.dbops('migrate', 'up');
        writeFileSync(
          join(project.root, 'migrations/0001_a.down.sql'),
          accented('\n-- é\nDROP TABLE a;'),
        );
        const down = await project.dbops('migrate', 'down');
        expect(down).toMatchObject({ exitCode: 2 });
        expect(down.stderr).toMatch(/0001_a\.down\.sql is not UTF-8: line 2 .*Latin-1/);
        expect(await exists(project, 'a')).toBe(true);
      },
    ));

  it.each(['dbops.config.json', 'dbops.config.ts', '.env', 'backfills/a.json'])(
    'names the encoding of %s',
    async (file) => {
      const root = folderOf({ 'migrations/0001_a.up.sql': sql, [file]: '' });
      writeFileSync(join(root, file), accented('// é'));
      const words = file.startsWith('backfills') ? ['backfill', 'list'] : ['migrate', 'status'];
      const { exitCode, stderr } = await runCli([...words, '--database-url', 'pglite:memory'], {
        cwd: root,
      });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`${file} is not UTF-8: line 1`);
    },
  );

  it.each(['migrations/0002_b.up.sql', 'migrations/0002_b.ts', 'dbops.config.ts', '.env'])(
    'does not wait for the writer of a named pipe: %s',
    async (file) => {
      const root = folderOf({ 'migrations/0001_a.up.sql': sql });
      rmSync(join(root, file), { force: true });
      await runShell(`mkfifo '${join(root, file)}'`);
      const { exitCode, stderr } = await runCli(
        ['migrate', 'status', '--database-url', 'pglite:memory'],
        { cwd: root },
      );
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/Cannot read .*: it is a named pipe/);
    },
  );

  it.each([
    ['waits for', ''],
    ['takes its text from', 'CREATE TABLE taken ()'],
  ])('neither %s a named pipe in a directory of a migration', async (_, written) => {
    const directory = 'prisma/migrations/20260101000000_a';
    const root = folderOf({
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"',
      [`${directory}/notes.md`]: '',
    });
    const pipe = join(root, directory, 'migration.sql');
    await runShell(`mkfifo '${pipe}'`);
    const writer = written && openSync(pipe, 'r+');
    if (writer) writeSync(writer, written);
    const answer = await runCli(['migrate', 'up', '--database-url', 'pglite:memory'], {
      cwd: root,
    });
    if (writer) closeSync(writer);
    expect(answer.exitCode).toBe(2);
    expect(answer.stderr).toMatch(/Cannot read .*: it is a named pipe/);
  });
});

describe.runIf(newest[0])('a module', () => {
  const server = newest[0] as Target;

  it('cannot send a NUL character', () =>
    withProject(
      server,
      {
        '0001_a.ts':
          "import { sql } from 'kysely';\nexport async function up(db) { await sql.raw('SELECT 1 \\0; DROP TABLE x').execute(db); }\n",
      },
      async (project) => {
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect(exitCode).toBe(1);
        expect(stderr).toContain('NUL');
      },
    ));
});
