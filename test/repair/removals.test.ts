import { describe, expect, it } from 'vitest';
import type { Folder } from '../../src/formats/format.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { readRows } from '../../src/repair/read.ts';
import { matchRows } from '../../src/repair/rows.ts';
import { withSession } from '../db/session.ts';
import { inTurn, servers, targets, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, writeProject, type Document, type Project } from '../migrate/project.ts';
import { writers, type FormatName } from './desync/folders.ts';

/** What one migration creates, and a later one drops, renames or changes again. */
const pairs: Record<string, [string, string]> = {
  column: ['ALTER TABLE t ADD x int', 'ALTER TABLE t DROP x'],
  table: ['CREATE TABLE gone (id int)', 'DROP TABLE gone'],
  index: ['CREATE INDEX t_id ON t (id)', 'DROP INDEX t_id'],
  constraint: [
    'ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)',
    'ALTER TABLE t DROP CONSTRAINT positive',
  ],
  function: [
    'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
    'CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$',
  ],
  trigger: [
    'CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()',
    'DROP TRIGGER tr ON t; DROP FUNCTION f()',
  ],
  type: [`CREATE TYPE mood AS ENUM ('ok', 'sad')`, `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`],
  label: [`ALTER TYPE mood ADD VALUE 'glad'`, `DROP TYPE mood`],
  'table name': ['CREATE TABLE one (id int)', 'ALTER TABLE one RENAME TO two'],
  'column name': ['ALTER TABLE t ADD y int', 'ALTER TABLE t RENAME y TO z'],
  'column type': [
    'ALTER TABLE t ADD n int',
    'UPDATE t SET id = id; ALTER TABLE t ALTER n TYPE bigint',
  ],
  default: ['ALTER TABLE t ALTER id SET DEFAULT 1', 'ALTER TABLE t ALTER id SET DEFAULT 2'],
  'default again': ['ALTER TABLE t ALTER id SET DEFAULT 1', 'ALTER TABLE t ALTER id DROP DEFAULT'],
  'table again': ['CREATE TABLE gone (id int)', 'DROP TABLE gone; CREATE TABLE gone (id int)'],
};

const slug = (word: string) => word.replaceAll(' ', '_');
const steps = [
  { slug: 'base', sql: 'CREATE TABLE t (id int);' },
  ...Object.entries(pairs).map(([word, [sql]]) => ({ slug: `create_${slug(word)}`, sql })),
  ...Object.entries(pairs).map(([word, [, sql]]) => ({ slug: `change_${slug(word)}`, sql })),
];
// What needs what: a trigger its function, a label its type.
const ordered = [
  ...steps.filter((each) => !each.slug.startsWith('change_') && !isOfGone(each.slug)),
  ...steps.filter(({ slug: name }) => name.startsWith('change_') && !isOfGone(name)),
  ...steps.filter(({ slug: name }) => isOfGone(name)),
];

function isOfGone(name: string): boolean {
  return /_(?:table|default)_again$/.test(name);
}

const formats: FormatName[] = [
  'drizzle',
  'knex',
  'kysely',
  'node-pg-migrate',
  'supabase',
  'dbmate',
  'prisma',
  'dbops',
];

const directories: Partial<Record<FormatName, string>> = {
  drizzle: 'drizzle',
  prisma: 'prisma/migrations',
  supabase: 'supabase/migrations',
};

const verdictsOf = ({ migrations }: Document) => migrations.map(({ verdict }) => verdict);

interface Opened {
  project: Project;
  folder: Folder;
  repair(...words: string[]): Promise<Document>;
}

async function withFolder(
  target: Target,
  format: FormatName,
  migrations: readonly { slug: string; sql: string }[],
  test: (opened: Opened) => Promise<void>,
): Promise<void> {
  const files = await writers[format](migrations);
  await withDatabase(target, async (url) => {
    const root = writeProject(files);
    const project = projectOn(url, root);
    const directory = `${root}/${directories[format] ?? 'migrations'}`;
    const folder = readFolder({ migrations: directory, format, root });
    const shadow = target.kind === 'server' ? ['--shadow-url', target.adminUrl] : [];
    const words = ['--format', format, '--migrations', directory];
    const up = await project.dbops('migrate', 'up', ...words);
    expect(up).toMatchObject({ exitCode: 0 });
    const repair = (...more: string[]) =>
      project.json('repair-tracking', ...words, ...shadow, ...more);
    await test({ project, folder, repair });
  });
}

/** The rows as their tool compares them: without ids and times of application. */
async function comparableRows({ project, folder }: Opened): Promise<string[]> {
  const { rows: form } = folder.tracking;
  const [first] = folder.migrations;
  const names = first ? Object.keys(form.columnsOf(first)) : [];
  const rows = await withSession(project.url, (session) => readRows(session, form));
  return (rows ?? [])
    .filter(({ columns }) => (form.stateOf?.(columns) ?? 'applied') === 'applied')
    .map(({ columns }) => JSON.stringify(names.map((name) => columns[name])))
    .toSorted();
}

/** @returns how many rows were deleted */
function deleteRows({ project, folder }: Opened, isLost: (name: string) => boolean) {
  const { rows: form } = folder.tracking;
  return withSession(project.url, async (session) => {
    const rows = (await readRows(session, form)) ?? [];
    const { owners } = matchRows(rows, folder.migrations, form);
    const places = [...owners].flatMap(([{ name }, { place }]) => (isLost(name) ? [place] : []));
    await session.query(`DELETE FROM ${form.table} WHERE ctid = ANY ($1::tid[])`, [places]);
    return places.length;
  });
}

describe.each(servers)('a folder that drops what it creates, on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(formats)('finds nothing to repair on a healthy database of %s', (format) =>
    withFolder(server, format, ordered, async (opened) => {
      const shown = await opened.repair();
      expect(verdictsOf(shown)).toEqual(ordered.map(() => 'recorded'));
      expect(shown).toMatchObject({ exitCode: 0, sql: [] });
    }),
  );

  it.each(formats)('gives a tracking table of %s the rows back that it lost', (format) =>
    withFolder(server, format, ordered, async (opened) => {
      const before = await comparableRows(opened);
      // Change, which also changes rows, is left: an update leaves no trace.
      const isLost = (name: string) => /create_|change_(?:table|index|trigger)$/.test(name);
      expect(await deleteRows(opened, isLost)).toBeGreaterThan(10);
      const shown = await opened.repair('--apply');
      expect(new Set(verdictsOf(shown))).toEqual(new Set(['recorded', 'proven', 'superseded']));
      expect(shown.exitCode).toBe(0);
      expect(await comparableRows(opened)).toEqual(before);
    }),
  );

  it('calls nothing absent that a recorded migration has dropped', () =>
    withFolder(
      server,
      'dbmate',
      [
        { slug: 'one', sql: 'CREATE TABLE t (id int)' },
        { slug: 'two', sql: 'ALTER TABLE t ADD x int' },
        { slug: 'three', sql: 'DROP TABLE t' },
      ],
      async (opened) => {
        await deleteRows(opened, (name) => !name.endsWith('three'));
        expect(verdictsOf(await opened.repair())).toEqual(['superseded', 'superseded', 'recorded']);
      },
    ));

  it('leaves open whether the last migrations ran when nothing of them is left', () =>
    withFolder(
      server,
      'dbmate',
      [
        { slug: 'one', sql: 'CREATE TABLE t (id int)' },
        { slug: 'two', sql: 'CREATE TABLE passing (id int)' },
        { slug: 'three', sql: 'DROP TABLE passing; UPDATE t SET id = id' },
      ],
      async (opened) => {
        await deleteRows(opened, (name) => !name.endsWith('one'));
        const shown = await opened.repair();
        expect(verdictsOf(shown)).toEqual(['recorded', 'unprovable', 'unprovable']);
      },
    ));

  it('leaves open whether a migration ran of which one that ran in part may have removed everything', () =>
    withFolder(
      server,
      'graphile-migrate',
      [
        { slug: 'one', sql: 'CREATE TABLE t (id int);' },
        { slug: 'two', sql: 'CREATE INDEX t_id ON t (id);' },
        { slug: 'three', sql: 'CREATE TABLE last (id int);' },
        {
          slug: 'four',
          sql: 'DROP INDEX t_id; CREATE INDEX t_id ON t (id); CREATE TABLE more (id int);',
        },
      ],
      async (opened) => {
        // As it is after the first statement of four.
        await opened.project.query('DROP TABLE more; DROP INDEX t_id');
        await deleteRows(opened, () => true);
        const verdicts = verdictsOf(await opened.repair());
        expect(verdicts).toEqual(['proven', 'unprovable', 'proven', 'absent']);
      },
    ));

  it('takes what was dropped by hand for drift where later migrations were applied', () =>
    withFolder(server, 'dbmate', ordered.slice(0, 6), async (opened) => {
      await opened.project.query('DROP TABLE t CASCADE; CREATE TABLE t (id bigint)');
      await opened.project.query('ALTER TABLE gone ADD COLUMN by_hand int');
      const shown = await opened.repair('--apply');
      expect(verdictsOf(shown)[0]).toBe('recorded');
      expect(await comparableRows(opened)).toContainEqual(expect.stringContaining('2026'));
    }));

  it('does not judge by a replay what a DO block made depend on rows', () =>
    withFolder(
      server,
      'dbmate',
      [
        { slug: 'one', sql: 'CREATE TABLE t (id int); CREATE TABLE extra (id int)' },
        { slug: 'two', sql: 'INSERT INTO t VALUES (1)' },
        { slug: 'three', sql: 'CREATE TABLE last (id int)' },
        {
          slug: 'four',
          sql: `DO $$ BEGIN IF EXISTS (SELECT FROM t WHERE id = 7) THEN DROP TABLE extra; END IF; END $$`,
        },
      ],
      async (opened) => {
        // As it went where the application had written the row 7.
        await opened.project.query('DROP TABLE extra');
        const shown = await opened.repair('--apply');
        expect(verdictsOf(shown)).toEqual(['recorded', 'recorded', 'recorded', 'recorded']);
        expect(shown).toMatchObject({ exitCode: 0, sql: [] });
      },
    ));
});

describe.each(targets.filter(({ kind }) => kind === 'pglite'))('the same on $name', (target) => {
  it('finds nothing to repair on a healthy database', () =>
    withFolder(target, 'dbmate', ordered, async (opened) => {
      expect(verdictsOf(await opened.repair())).toEqual(ordered.map(() => 'recorded'));
    }));
});
