import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ObjectIdentity } from '../../src/catalog/snapshot.ts';
import {
  locateFindings,
  type FoundFinding,
  type LocationRequest,
} from '../../src/findings/locate.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import type { Finding } from '../../src/report.ts';
import { folderOf } from '../cli/run-cli.ts';

type Files = Record<string, string>;

/** A repository with a folder of migrations. */
function projectOf(files: Files, { config = true, name = 'migrations' } = {}): LocationRequest {
  const root = folderOf({
    '.git/HEAD': 'ref: refs/heads/main',
    ...(config && { 'app/dbops.config.json': '{}' }),
  });
  const directory = join(root, 'app', name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(directory, file, '..'), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
  const folder = readFolder({ root, migrations: directory });
  return {
    cwd: root,
    configFile: config ? join(root, 'app/dbops.config.json') : undefined,
    ...folder,
  };
}

function foundOf(
  identity?: Partial<ObjectIdentity>,
  where: Partial<Finding['where']> = {},
): FoundFinding {
  const own = { kind: 'table', schema: 'public', parent: '', name: '', ...identity };
  return {
    code: 'x',
    severity: 'warning',
    message: '',
    help: '',
    key: 'x',
    where: { object: '', ...where },
    ...(identity && { identity: own }),
  };
}

/** `FILE:LINE` of an object, without the folder. */
async function placeOf(files: Files, identity: Partial<ObjectIdentity>, where = {}) {
  const [located] = await locateFindings([foundOf(identity, where)], projectOf(files));
  const { file, line } = located?.finding.where ?? {};
  return `${file?.replace('app/migrations/', '')}:${line}`;
}

const one = (sql: string) => ({ '0001_a.up.sql': sql });

const statements: [what: string, sql: string, Partial<ObjectIdentity>, line: number][] = [
  ['a table', 'SELECT 1;\n\nCREATE TABLE t (id int);', { name: 't' }, 3],
  ['a table below a comment', '-- one\n\n/* two */ CREATE TABLE t ()', { name: 't' }, 3],
  [
    'a table after characters of several bytes',
    "SELECT '🦀é';\nCREATE TABLE t ()",
    { name: 't' },
    2,
  ],
  ['a table of CREATE TABLE AS', '\nCREATE TABLE t AS SELECT 1', { name: 't' }, 2],
  ['a quoted table', '\nCREATE TABLE "T ""x" ()', { name: 'T "x' }, 2],
  [
    'a name that the server cuts',
    `\nCREATE TABLE ${'é'.repeat(40)} ()`,
    { name: 'é'.repeat(31) },
    2,
  ],
  [
    'a table of the search_path',
    'SET search_path = app;\nCREATE TABLE t ();',
    { schema: 'app', name: 't' },
    2,
  ],
  ['a table of an unknown search_path', '\nCREATE TABLE t ();', { schema: 'app', name: 't' }, 2],
  [
    'a table within CREATE SCHEMA',
    '\nCREATE SCHEMA s CREATE TABLE t ()',
    { schema: 's', name: 't' },
    2,
  ],
  [
    'the last change of a table',
    'CREATE TABLE t ();\nALTER TABLE t ENABLE ROW LEVEL SECURITY;',
    { name: 't' },
    2,
  ],
  [
    'a table, not its twin of another schema',
    'CREATE TABLE t ();\nCREATE TABLE s.t ();',
    { name: 't' },
    1,
  ],
  [
    'a column',
    'CREATE TABLE t (a int);\nALTER TABLE t ADD b int;',
    { kind: 'column', parent: 't', name: 'a' },
    1,
  ],
  [
    'an added column',
    'CREATE TABLE t (a int);\nALTER TABLE t ADD b int;',
    { kind: 'column', parent: 't', name: 'b' },
    2,
  ],
  [
    'a changed column',
    'CREATE TABLE t (a int);\nALTER TABLE t ALTER a TYPE bigint;',
    { kind: 'column', parent: 't', name: 'a' },
    2,
  ],
  [
    'a constraint',
    'CREATE TABLE t (a int);\nALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);',
    { kind: 'constraint', parent: 't', name: 'c' },
    2,
  ],
  [
    'a constraint that the server named',
    'CREATE TABLE t (a int);\nALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;\nALTER TABLE t ADD b int',
    { kind: 'constraint', parent: 't', name: 't_a_fkey' },
    2,
  ],
  [
    'a key of a column that the server named',
    '\nCREATE TABLE t (id int PRIMARY KEY);\nALTER TABLE t ADD b int',
    { kind: 'index', parent: 't', name: 't_pkey' },
    2,
  ],
  [
    'a validated constraint',
    'ALTER TABLE t ADD CONSTRAINT c CHECK (true) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;',
    { kind: 'constraint', parent: 't', name: 'c' },
    2,
  ],
  [
    'an index',
    'CREATE TABLE t ();\nCREATE INDEX CONCURRENTLY i ON t (a);\nALTER TABLE t ADD b int',
    { kind: 'index', parent: 't', name: 'i' },
    2,
  ],
  [
    'an index that the server named',
    '\nCREATE INDEX ON t (a, lower(b));',
    { kind: 'index', parent: 't', name: 't_a_expr_idx' },
    2,
  ],
  [
    'an index that no statement names, at its table',
    '\nCREATE TABLE t ();',
    { kind: 'index', parent: 't', name: 'other' },
    2,
  ],
  ['a view', '\nCREATE OR REPLACE VIEW v AS SELECT 1', { kind: 'view', name: 'v' }, 2],
  [
    'a materialized view',
    '\nCREATE MATERIALIZED VIEW v AS SELECT 1',
    { kind: 'view', name: 'v' },
    2,
  ],
  [
    'a function',
    '\nCREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;',
    { kind: 'function', name: 'f(integer)' },
    2,
  ],
  [
    'a policy',
    'CREATE TABLE t ();\nCREATE POLICY p ON t USING (true);',
    { kind: 'policy', parent: 't', name: 'p' },
    2,
  ],
  [
    'an altered policy',
    'CREATE POLICY p ON t USING (true);\nALTER POLICY p ON t USING (false);',
    { kind: 'policy', parent: 't', name: 'p' },
    2,
  ],
  [
    'a trigger',
    'CREATE TABLE t ();\nCREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f();',
    { kind: 'trigger', parent: 't', name: 'g' },
    2,
  ],
  ['a sequence', '\nCREATE SEQUENCE s', { kind: 'sequence', name: 's' }, 2],
  [
    'a sequence of a serial column',
    '\nCREATE TABLE t (id bigserial);\nALTER TABLE t ADD b int',
    { kind: 'sequence', parent: 't', name: 't_id_seq' },
    2,
  ],
  ['an enum type', 'SELECT 1;\nCREATE TYPE e AS ENUM ()', { kind: 'type', name: 'e' }, 2],
  [
    'a new value of an enum type',
    'CREATE TYPE e AS ENUM ();\nALTER TYPE e ADD VALUE $$x$$'.replaceAll('$$', "'"),
    { kind: 'type', name: 'e' },
    2,
  ],
  [
    'a constraint of a domain',
    'CREATE DOMAIN d AS int;\nALTER DOMAIN d ADD CONSTRAINT c CHECK (true)',
    { kind: 'domain constraint', parent: 'd', name: 'c' },
    2,
  ],
  ['a schema', '\nCREATE SCHEMA app', { kind: 'schema', schema: '', name: 'app' }, 2],
  [
    'an extension',
    '\nCREATE EXTENSION IF NOT EXISTS citext',
    { kind: 'extension', schema: '', name: 'citext' },
    2,
  ],
  [
    'extended statistics',
    '\nCREATE STATISTICS st ON a, b FROM t',
    { kind: 'statistics', parent: 't', name: 'public.st' },
    2,
  ],
  ['a renamed table', 'CREATE TABLE a ();\nALTER TABLE a RENAME TO b', { name: 'b' }, 2],
  [
    'a column of a renamed table',
    'CREATE TABLE a (c int);\nALTER TABLE a RENAME TO b',
    { kind: 'column', parent: 'b', name: 'c' },
    1,
  ],
  [
    'a renamed column',
    'CREATE TABLE a (c int);\nALTER TABLE a RENAME c TO d',
    { kind: 'column', parent: 'a', name: 'd' },
    2,
  ],
  [
    'a renamed index',
    'CREATE INDEX i ON t (a);\nALTER INDEX i RENAME TO j',
    { kind: 'index', parent: 't', name: 'j' },
    2,
  ],
  [
    'a renamed constraint, and its index',
    'ALTER TABLE t ADD CONSTRAINT c UNIQUE (a);\nALTER TABLE t RENAME CONSTRAINT c TO d',
    { kind: 'index', parent: 't', name: 'd' },
    2,
  ],
  [
    'a table that changed its schema',
    'CREATE TABLE t ();\nALTER TABLE t SET SCHEMA app',
    { schema: 'app', name: 't' },
    2,
  ],
  [
    'a table of a renamed schema',
    'CREATE SCHEMA a;\nCREATE TABLE a.t ();\nALTER SCHEMA a RENAME TO b',
    { schema: 'b', name: 't' },
    2,
  ],
  [
    'a table that was dropped and created again',
    'CREATE TABLE t ();\nDROP TABLE t;\nCREATE TABLE t ()',
    { name: 't' },
    3,
  ],
  [
    'what a DO block creates',
    "SELECT 1;\nDO $$ BEGIN EXECUTE 'CREATE TABLE hid ()'; END $$",
    { name: 'hid' },
    2,
  ],
];

describe('a finding points to', () => {
  it.each(statements)('%s', async (_, sql, identity, line) => {
    expect(await placeOf(one(sql), identity)).toBe(`0001_a.up.sql:${line}`);
  });

  it.each([
    ['a table that no statement creates', 'CREATE TABLE u ()', { name: 't' }],
    ['a table that the folder dropped', 'CREATE TABLE t (); DROP TABLE t', { name: 't' }],
    ['a file that the grammar rejects', 'CREATE TABLE t (', { name: 't' }],
    [
      'a setting of the server',
      'CREATE TABLE t ()',
      { kind: 'setting', schema: '', name: 'fsync' },
    ],
  ])('the configuration for %s', async (_, sql, identity) => {
    expect(await placeOf(one(sql), identity)).toBe('app/dbops.config.json:1');
  });

  it('the first file without a configuration, and never to nothing', async () => {
    const project = projectOf(one('SELECT 1'), { config: false });
    const [located] = await locateFindings([foundOf()], project);
    expect(located?.finding.where).toMatchObject({ file: 'app/migrations/0001_a.up.sql', line: 1 });
  });

  it('the last of several files, of which the down file is none', async () => {
    const files = {
      '0001_a.up.sql': 'CREATE TABLE t ()',
      '0002_b.up.sql': 'SELECT 1;\nALTER TABLE t ADD a int',
      '0002_b.down.sql': 'ALTER TABLE t DROP a',
      '0003_c.up.sql': 'CREATE TABLE u ()',
    };
    expect(await placeOf(files, { name: 't' })).toBe('0002_b.up.sql:2');
  });

  it('the statement of the migration that is named, or its first line', async () => {
    const files = {
      '0001_a.up.sql': 'SELECT 1;\nCREATE TABLE t ()',
      '0002_b.up.sql': 'ALTER TABLE t ADD a int',
      '0003_c.up.sql': 'SELECT 1',
    };
    expect(await placeOf(files, { name: 't' }, { migration: '0001_a' })).toBe('0001_a.up.sql:2');
    expect(await placeOf(files, { name: 't' }, { migration: '0003_c' })).toBe('0003_c.up.sql:1');
  });

  it('the whole statement in endLine', async () => {
    const project = projectOf(one('\nCREATE TABLE t (\n  a int\n);\n'));
    const [located] = await locateFindings([foundOf({ name: 't' })], project);
    expect(located?.finding.where).toMatchObject({ line: 2, endLine: 4 });
  });

  it('a module as a whole, of which a replay names the migration', async () => {
    const module = 'export async function up(pgm) {}';
    const project = projectOf({ '1_a.js': module, '2_b.js': module, '3_c.js': module });
    const originsOf = async (objects: readonly ObjectIdentity[]) =>
      objects.map(({ name }) => (name === 't' ? project.migrations[1]?.name : undefined));
    const located = await locateFindings([foundOf({ name: 't' })], { ...project, originsOf });
    expect(located[0]?.finding.where).toMatchObject({ file: 'app/migrations/2_b.js', line: 1 });
  });

  it('the file of a migration that it is about', async () => {
    const project = projectOf(one('SELECT 1'));
    const [located] = await locateFindings([foundOf(undefined, { object: '0001_a' })], project);
    expect(located?.finding.where).toMatchObject({ file: 'app/migrations/0001_a.up.sql', line: 1 });
  });
});

const formats: [format: string, files: Files, place: string][] = [
  [
    'dbmate',
    {
      '20260101000000_a.sql': '-- migrate:up\nCREATE TABLE t ();\n\n-- migrate:down\nDROP TABLE t;',
    },
    '20260101000000_a.sql:2',
  ],
  ['supabase', { '20260101000000_a.sql': '\ncreate table t ();' }, '20260101000000_a.sql:2'],
  [
    'prisma',
    {
      '20260101000000_a/migration.sql': '-- CreateTable\nCREATE TABLE "t" ();',
      'migration_lock.toml': 'provider = "postgresql"',
    },
    '20260101000000_a/migration.sql:2',
  ],
  [
    'drizzle',
    {
      '0000_a.sql': 'CREATE TABLE "u" ();\n--> statement-breakpoint\nCREATE TABLE "t" ();',
      'meta/_journal.json': JSON.stringify({
        version: '7',
        dialect: 'postgresql',
        entries: [{ idx: 0, version: '7', when: 1, tag: '0000_a', breakpoints: true }],
      }),
    },
    '0000_a.sql:3',
  ],
  [
    'node-pg-migrate',
    {
      '1700000000000_a.sql':
        '-- Up Migration\nCREATE TABLE t ();\n-- Down Migration\nDROP TABLE t;',
    },
    '1700000000000_a.sql:2',
  ],
];

describe('a finding in a folder of', () => {
  it.each(formats)('%s points to the line of its file', async (format, files, place) => {
    const name = format === 'supabase' ? 'supabase/migrations' : 'migrations';
    const project = projectOf(files, { name });
    expect(project.format).toMatchObject({ name: format });
    const [located] = await locateFindings([foundOf({ name: 't' })], project);
    const { file, line } = located?.finding.where ?? {};
    expect(`${file}:${line}`).toBe(`app/${name}/${place}`);
  });
});

describe('a comment that allows a check', () => {
  const allowed = async (sql: string, identity: Partial<ObjectIdentity>) => {
    const [located] = await locateFindings([foundOf(identity)], projectOf(one(sql)));
    return located?.allows.map(({ check, reason, line }) => [check, reason, line]);
  };

  it.each([
    ['above the statement', '-- dbops: allow x because it is a log\nCREATE TABLE t ();', 1],
    ['in the statement', 'CREATE TABLE t (\n  -- dbops: allow x because it is a log\n  a int);', 2],
    [
      'behind the statement',
      'CREATE TABLE t (); -- dbops: allow x because it is a log\nSELECT 1',
      1,
    ],
    [
      'beside the creation of a table that changes later',
      '-- dbops: allow x because it is a log\nCREATE TABLE t ();\nALTER TABLE t ADD a int',
      1,
    ],
  ])('counts %s', async (_, sql, line) => {
    expect(await allowed(sql, { name: 't' })).toEqual([['x', 'it is a log', line]]);
  });

  it.each([
    [
      'above another statement',
      '-- dbops: allow x because y\nCREATE TABLE u ();\nCREATE TABLE t ();',
    ],
    ['in a string', "CREATE TABLE t (a text DEFAULT '\n-- dbops: allow x because y\n');"],
    ['behind the next statement', 'CREATE TABLE t ();\n-- dbops: allow x because y\nSELECT 1'],
  ])('does not count %s', async (_, sql) => {
    expect(await allowed(sql, { name: 't' })).toEqual([]);
  });

  it('may name several checks, and may lack its reason', async () => {
    const sql = '-- dbops: allow x, y because z\n-- dbops: allow w\nCREATE TABLE t ()';
    expect(await allowed(sql, { name: 't' })).toEqual([
      ['x', 'z', 1],
      ['y', 'z', 1],
      ['w', undefined, 2],
    ]);
  });
});
