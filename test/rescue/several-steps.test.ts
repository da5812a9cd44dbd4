import { describe, expect, it, vi } from 'vitest';
import { isLongRun } from '../cases.ts';
import * as z from 'zod';
import {
  casesOn,
  mostlyServers,
  newest,
  targets,
  type Server,
  type Target,
} from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { withWire, type Verdict } from '../db/wire.ts';
import { projectOn, withProject, withServerShadow, type Project } from '../migrate/project.ts';
import { contentOf } from './session.ts';

// The first proof of a folder opens an embedded shadow.
vi.setConfig({ testTimeout: 180_000 });

interface Story {
  /** Creates the tables. */
  create: string;
  /** Fills them. */
  rows: string;
  /** The migrations that destroy, each with the rollback of its file or without one. */
  destroy: (string | { up: string; down: string })[];
}

const item = 'CREATE TABLE item (id int PRIMARY KEY, note text);';
const gone = 'CREATE TABLE gone (id int PRIMARY KEY REFERENCES item);';
const filled = `INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, NULL); INSERT INTO gone VALUES (1), (2)`;

const stories: Record<string, Story> = {
  'a column, then a table that refers to its table': {
    create: item + gone,
    rows: filled,
    destroy: ['ALTER TABLE item DROP COLUMN note', 'DROP TABLE gone'],
  },
  'a table, then a column of the table that it refers to': {
    create: item + gone,
    rows: filled,
    destroy: ['DROP TABLE gone', 'ALTER TABLE item DROP COLUMN note'],
  },
  'the same, each with the rollback of its file': {
    create: item + gone,
    rows: filled,
    destroy: [
      {
        up: 'ALTER TABLE item DROP COLUMN note',
        down: 'ALTER TABLE item ADD COLUMN note text',
      },
      { up: 'DROP TABLE gone', down: gone },
    ],
  },
  'a child and, in a later step, its parent': {
    create: item + gone,
    rows: filled,
    destroy: ['DROP TABLE gone', 'DROP TABLE item'],
  },
  'a parent with CASCADE and, in a later step, its child': {
    create: item + gone,
    rows: filled,
    destroy: ['DROP TABLE item CASCADE', 'DROP TABLE gone'],
  },
  'a column, then every row, then the table': {
    create: item,
    rows: `INSERT INTO item VALUES (1, 'a'), (2, 'b')`,
    destroy: ['ALTER TABLE item DROP COLUMN note', 'TRUNCATE item', 'DROP TABLE item'],
  },
  'a column, before its table and its key get other names': {
    create: item,
    rows: `INSERT INTO item VALUES (1, 'a'), (2, 'b')`,
    destroy: [
      'ALTER TABLE item DROP COLUMN note',
      'ALTER TABLE item RENAME id TO "Key"; ALTER TABLE item RENAME TO "Thing"',
      'DELETE FROM "Thing"',
    ],
  },
  'a label of an enum, then the column of that type': {
    create: `CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE item (id int PRIMARY KEY, mood mood);`,
    rows: `INSERT INTO item VALUES (1, 'good'), (2, 'bad'), (3, NULL)`,
    destroy: [
      `CREATE TYPE half AS ENUM ('good');
       ALTER TABLE item ALTER mood TYPE half USING (CASE mood WHEN 'good' THEN 'good' END)::half`,
      'ALTER TABLE item DROP COLUMN mood',
    ],
  },
  'a type that becomes narrower twice': {
    create: 'CREATE TABLE item (id int PRIMARY KEY, price numeric(12, 4));',
    rows: 'INSERT INTO item VALUES (1, 1.2345), (2, 2.5), (3, NULL)',
    destroy: [
      'ALTER TABLE item ALTER price TYPE numeric(12, 1)',
      'ALTER TABLE item ALTER price TYPE int',
    ],
  },
  'a partition, then a column of the partitioned table': {
    create: `CREATE TABLE ev (id int, at int, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (0) TO (10);
      CREATE TABLE ev_2 PARTITION OF ev FOR VALUES FROM (10) TO (20);`,
    rows: `INSERT INTO ev VALUES (1, 1, 'a'), (2, 11, 'b')`,
    destroy: ['DROP TABLE ev_1', 'ALTER TABLE ev DROP COLUMN note'],
  },
  'an identity and a column that a generated one is made of': {
    create: `CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);`,
    rows: 'INSERT INTO item (a) VALUES (1), (2)',
    destroy: ['ALTER TABLE item DROP COLUMN a CASCADE', 'DROP TABLE item'],
  },
  'a required column, then a table, in another schema and under names that need quotes': {
    create: `CREATE SCHEMA "My app"; CREATE TABLE "My app"."Order" ("Id" text PRIMARY KEY, "from" text NOT NULL);
      CREATE TABLE "My app"."Line" ("Order" text REFERENCES "My app"."Order", n int);`,
    rows: `INSERT INTO "My app"."Order" VALUES ('x', 'a"'), ('y', 'b'''); INSERT INTO "My app"."Line" VALUES ('x', 1), ('x', 1), ('y', NULL)`,
    destroy: [
      'ALTER TABLE "My app"."Order" DROP COLUMN "from"',
      'ALTER TABLE "My app"."Line" DROP COLUMN n',
      'DROP TABLE "My app"."Line"',
    ],
  },
  'what an earlier step of the same rollback created': {
    create: item,
    rows: `INSERT INTO item VALUES (1, 'a')`,
    destroy: [
      `CREATE TABLE copied AS SELECT * FROM item; ALTER TABLE item DROP COLUMN note`,
      'DROP TABLE copied',
    ],
  },
};

const filesOf = ({ create, destroy }: Story) => ({
  '0001_create.up.sql': create,
  ...Object.fromEntries(
    destroy.flatMap((script, at): [string, string][] => {
      const name = `000${at + 2}_destroy`;
      if (typeof script === 'string') return [[`${name}.up.sql`, script]];
      return [
        [`${name}.up.sql`, script.up],
        [`${name}.down.sql`, script.down],
      ];
    }),
  ),
});

const contents = ({ url }: Project) => withSession(url, contentOf);

type Test = (project: Project) => Promise<void>;

const withStory = (target: Target, story: Story, test: Test) =>
  withProject(target, filesOf(story), (project) => afterRows(project, story, test));

const withStoryOnServer = (server: Server, story: Story, test: Test) =>
  withServerShadow(server, filesOf(story), (project) => afterRows(project, story, test));

async function afterRows(project: Project, { rows }: Story, test: Test): Promise<void> {
  await project.json('migrate', 'up', '--to', '0001_create');
  await withSession(project.url, (session) => session.script(rows));
  await test(project);
}

/** `npm run test:long` tries every story. */
const tried = Object.entries(stories).filter((_, at) => isLongRun || at % 2 === 0);

describe.each(targets)('migrate down over several migrations on $name', (target) => {
  it.each(casesOn(target, tried, mostlyServers))('restores %s', (_, story) =>
    withStory(target, story, async (project) => {
      const before = await contents(project);
      expect((await project.json('migrate', 'up')).error).toBeUndefined();
      const down = await project.json('migrate', 'down', '--to', '0001_create');
      expect(down.error).toBeUndefined();
      expect(down['notRestored']).toEqual([]);
      expect(await contents(project)).toEqual(before);
    }),
  );
});

const notRestored = z.array(
  z.looseObject({ migration: z.string(), table: z.string(), rows: z.number().nullable() }),
);

describe.each(newest)('migrate down and redo over several migrations on $name', (target) => {
  const sample: Story = {
    create: item + gone,
    rows: filled,
    destroy: ['ALTER TABLE item DROP COLUMN note', 'DROP TABLE gone'],
  };

  it('restores with --steps, and in separate runs, what --to restores', () =>
    withStoryOnServer(target, sample, async (project) => {
      const before = await contents(project);
      await project.dbops('migrate', 'up');
      expect((await project.json('migrate', 'down', '--steps', '2'))['notRestored']).toEqual([]);
      expect(await contents(project)).toEqual(before);
      await project.dbops('migrate', 'up');
      await project.dbops('migrate', 'down');
      await project.dbops('migrate', 'down');
      expect(await contents(project)).toEqual(before);
    }));

  it('redoes them, and keeps a copy of everything that they destroy again', () =>
    withStoryOnServer(target, sample, async (project) => {
      const before = await contents(project);
      await project.dbops('migrate', 'up');
      const after = await contents(project);
      const redo = await project.json('migrate', 'redo', '--steps', '2');
      expect(redo).toMatchObject({ exitCode: 0, notRestored: [] });
      expect(await contents(project)).toEqual(after);
      await project.dbops('migrate', 'down', '--steps', '2');
      expect(await contents(project)).toEqual(before);
    }));

  it('restores with rescue restore, by the name of each, what --no-restore left', () =>
    withStoryOnServer(target, sample, async (project) => {
      const before = await contents(project);
      await project.dbops('migrate', 'up');
      const down = await project.json('migrate', 'down', '--to', '1', '--no-restore');
      expect(notRestored.parse(down['notRestored'])).toMatchObject([
        { migration: '0003_destroy', table: 'gone', rows: 2 },
        { migration: '0002_destroy', table: 'item', column: 'note', rows: 2 },
      ]);
      expect((await project.json('rescue', 'restore', '0002_destroy')).exitCode).toBe(0);
      expect((await project.json('rescue', 'restore', '0003_destroy')).exitCode).toBe(0);
      expect(await contents(project)).toEqual(before);
    }));

  it('reports values whose rows no longer exist, rows whose key is taken, and what was never copied', () =>
    withStoryOnServer(
      target,
      {
        create: item + 'CREATE TABLE log (id int PRIMARY KEY, line text);',
        rows: `INSERT INTO item VALUES (1, 'a'), (2, 'b'); INSERT INTO log VALUES (1, 'x'), (2, 'y'), (3, 'z')`,
        destroy: [
          'ALTER TABLE item DROP COLUMN note',
          'DELETE FROM log WHERE id = 3',
          'TRUNCATE log',
        ],
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        await project.query(`INSERT INTO log VALUES (1, 'new')`);
        await project.query('DELETE FROM item WHERE id = 2');
        const down = await project.json('migrate', 'down', '--to', '1');
        expect(down.exitCode).toBe(0);
        expect(notRestored.parse(down['notRestored'])).toMatchObject([
          { migration: '0004_destroy', table: 'log', rows: 1, reason: 'conflict 1' },
          { migration: '0002_destroy', table: 'item', rows: 1, reason: 'missing 1' },
          { migration: '0003_destroy', kind: 'some-rows', table: 'log', rows: null },
        ]);
        expect(await project.query('SELECT * FROM log ORDER BY id')).toEqual([
          { id: 1, line: 'new' },
          { id: 2, line: 'y' },
        ]);
        expect(await project.query('SELECT * FROM item')).toEqual([{ id: 1, note: 'a' }]);
      },
    ));

  it('restores after the run the rows whose parents came back in a later step', () =>
    withStoryOnServer(
      target,
      {
        create: item + gone,
        rows: filled,
        destroy: ['DELETE FROM item WHERE id = 3; TRUNCATE item CASCADE', 'DROP TABLE gone'],
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        const down = await project.json('migrate', 'down', '--to', '1');
        expect(down.exitCode).toBe(0);
        expect(await project.query('SELECT * FROM gone ORDER BY id')).toEqual([
          { id: 1 },
          { id: 2 },
        ]);
      },
    ));

  it('restores the others where the server refuses the rows of one migration, and reports it', () =>
    withStoryOnServer(
      target,
      { ...sample, destroy: [...sample.destroy, 'CREATE TABLE more (id int)'] },
      async (project) => {
        await project.dbops('migrate', 'up', '--to', '3');
        await project.query(`ALTER TABLE item ADD COLUMN price int`);
        project.write({
          '0002_destroy.down.sql': `ALTER TABLE item ADD COLUMN note text CHECK (note <> 'b')`,
          '0003_destroy.down.sql': gone,
        });
        const down = await project.json('migrate', 'down', '--to', '1', '--unproven');
        expect(down).toMatchObject({ exitCode: 1, error: { code: 'RESCUE.RESTORE' } });
        expect(notRestored.parse(down['notRestored'])).toMatchObject([
          { migration: '0002_destroy', table: 'item', column: 'note', rows: 2 },
        ]);
        expect(await project.query('SELECT * FROM gone ORDER BY id')).toHaveLength(2);
      },
    ));

  it.each(['SAVEPOINT dbops_restore', 'COMMIT; RESET ALL'])(
    'restores everything in a second run after kill -9 at %s of the first',
    (statement) =>
      withStoryOnServer(target, sample, async (project) => {
        const before = await contents(project);
        await project.dbops('migrate', 'up');
        const judge = (sql: string): Verdict => (sql.includes(statement) ? 'hold answer' : 'pass');
        const words = ['migrate', 'down', '--to', '1', '--shadow-url', target.adminUrl];
        await withWire(project.url, judge, async (wire) => {
          const run = projectOn(wire.url, project.root).start(...words);
          await wire.reached;
          run.child.kill('SIGKILL');
          await run.answer;
        });
        const down = await project.json(...words, '--wait', '30s');
        expect(down).toMatchObject({ exitCode: 0, notRestored: [] });
        expect(await contents(project)).toEqual(before);
      }),
  );

  it('leaves the values that somebody wrote into a column that existed before the rollback', () =>
    withStoryOnServer(
      target,
      {
        create: item,
        rows: `INSERT INTO item VALUES (1, 'a'), (2, 'b')`,
        destroy: [
          {
            up: 'ALTER TABLE item DROP COLUMN note; ALTER TABLE item ADD COLUMN note text',
            down: 'ALTER TABLE item ADD COLUMN IF NOT EXISTS note text',
          },
        ],
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        await project.query(`UPDATE item SET note = 'NEW' WHERE id = 1`);
        const down = await project.json('migrate', 'down', '--to', '1');
        expect(notRestored.parse(down['notRestored'])).toMatchObject([
          { migration: '0002_destroy', rows: 1, reason: 'conflict 1' },
        ]);
        expect(await project.query('SELECT * FROM item ORDER BY id')).toEqual([
          { id: 1, note: 'NEW' },
          { id: 2, note: 'b' },
        ]);
      },
    ));
});
