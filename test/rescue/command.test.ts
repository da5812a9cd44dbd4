import { describe, expect, vi } from 'vitest';
import * as z from 'zod';
import { inTurn, servers, withDatabase, type Server } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import {
  projectOn,
  withProject,
  withServerShadow,
  writeFolder,
  writeInto,
  type Project,
} from '../migrate/project.ts';
import { contentOf, destroy } from './session.ts';

// A shadow is a PGlite, which takes seconds to open on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const shop = {
  '0001_shop.up.sql': `CREATE TABLE orders (id int PRIMARY KEY, note text, price numeric(10,4));
    CREATE TABLE lines (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item int REFERENCES orders);`,
  '0001_shop.down.sql': 'DROP TABLE lines, orders',
  '0002_less.up.sql': `ALTER TABLE orders DROP COLUMN note; ALTER TABLE orders ALTER price TYPE int; DROP TABLE lines; DROP TABLE IF EXISTS by_hand`,
  '0002_less.down.sql': `ALTER TABLE orders ADD COLUMN note text, ALTER price TYPE numeric(10,4);
    CREATE TABLE lines (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item int REFERENCES orders);`,
};

const rows = `INSERT INTO orders SELECT n, 'note ' || n, n / 7.0 FROM generate_series(1, 5) n;
  INSERT INTO lines (item) SELECT n FROM generate_series(1, 3) n;`;

/** The first migration applied, and rows in its tables. */
const withShop = (server: Server, test: (project: Project) => Promise<void>) =>
  withServerShadow(server, shop, async (project) => {
    await project.dbops('migrate', 'up', '--to', '1');
    await withSession(project.url, (session) => session.script(rows));
    await test(project);
  });

const contents = ({ url }: Project) => withSession(url, contentOf);

const named = z.looseObject({
  table: z.string(),
  column: z.string().optional(),
  rows: z.number().nullable(),
});
const namesOf = (list: unknown) =>
  z
    .array(named)
    .parse(list)
    .map(({ table, column, rows: count }) => `${table}${column ? `.${column}` : ''} ${count}`)
    .toSorted();

describe.each(servers)('migrate up that destroys on $name', (target) => {
  const it = inTurn(target, servers);
  it('prints counts, saves the rows, and has the same rows after the rollback', () =>
    withShop(target, async (project) => {
      await project.query('CREATE TABLE by_hand AS SELECT 1 AS id');
      const lost = ['by_hand 1', 'lines 3', 'orders.note 5', 'orders.price 5'];
      const before = await contents(project);
      const dry = await project.json('migrate', 'up', '--dry-run');
      expect(namesOf(dry['losses'])).toEqual(lost);
      expect(await contents(project)).toEqual(before);

      const up = await project.dbops('migrate', 'up');
      expect(up.stderr).toContain(
        '0002_less drops table public.lines (3 rows): copied to dbops_rescue first',
      );
      expect(up.stdout).toContain('saved 5 values of public.orders.price before');
      expect(up.stdout).toContain('dbops rescue restore 0002_less');
      expect(namesOf((await project.json('rescue', 'list'))['rescued'])).toEqual(lost);

      expect((await project.json('rescue', 'restore', '0002_less')).error?.code).toBe(
        'RESCUE.NO_PLACE',
      );
      await project.dbops('migrate', 'down', '--no-restore');
      await project.query('CREATE TABLE by_hand (id int)');
      expect((await project.dbops('rescue', 'restore', '0002_less', '--dry-run')).stdout).toContain(
        'public.lines: would restore 3 rows',
      );
      expect((await project.dbops('rescue', 'restore', '0002_less')).exitCode).toBe(0);
      expect(await contents(project)).toEqual(before);
      expect((await project.dbops('rescue', 'restore', '0002_less')).stdout).toContain(
        'is already restored',
      );
    }));

  it('reports rows that can be restored, and restores them when asked to', () =>
    withShop(target, async (project) => {
      project.write({ '0002_less.up.sql': 'ALTER TABLE orders ADD COLUMN more text' });
      await project.dbops('migrate', 'up');
      await project.query("UPDATE orders SET more = 'm' || id");
      const before = await contents(project);
      const rollBack = () =>
        withSession(project.url, async (session) => {
          await destroy(session, 'ALTER TABLE orders DROP COLUMN more', '0002_less', 'down');
          await session.script("DELETE FROM dbops.migrations WHERE name = '0002_less'");
        });
      await rollBack();
      const told = await project.json('migrate', 'up');
      expect(namesOf(told['restorable'])).toEqual(['orders.more 5']);
      expect((await project.dbops('rescue', 'restore', '0002_less')).exitCode).toBe(0);
      expect(await contents(project)).toEqual(before);
      await rollBack();
      const restored = await project.json('migrate', 'up', '--restore');
      expect(restored['restored']).toMatchObject([{ column: 'more', restored: 5, conflict: 0 }]);
      expect(await contents(project)).toEqual(before);
    }));

  it('discards without a copy only what it has named, on a protected database only by its name', () =>
    withShop(target, async (project) => {
      await project.dbops('env', 'set', 'staging', '--protect');
      const before = await contents(project);
      const refused = await project.dbops('migrate', 'up', '--discard-data');
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('drops table public.lines (3 rows): discarded');
      expect(refused.stderr).toContain('--confirm');
      expect(await contents(project)).toEqual(before);
      const [{ name } = { name: '' }] = await project.query<{ name: string }>(
        'SELECT current_database() AS name',
      );
      expect(
        (await project.dbops('migrate', 'up', '--discard-data', '--confirm', name)).exitCode,
      ).toBe(0);
      expect((await project.json('rescue', 'list'))['rescued']).toEqual([]);
    }));

  it('drops copies only with the name of the database', () =>
    withShop(target, async (project) => {
      await project.dbops('migrate', 'up');
      const refused = await project.dbops('rescue', 'drop', '0002_less');
      expect(refused.exitCode).toBe(2);
      expect((await project.dbops('rescue', 'drop', '--older-than', '1d')).stdout).toBe(
        '✓ No saved rows match\n',
      );
      const confirm = /--confirm (\S+)/.exec(refused.stderr)?.[1] ?? '';
      const dropped = await project.json('rescue', 'drop', '--all', '--confirm', confirm);
      expect(namesOf(dropped['dropped'])).toHaveLength(3);
      expect((await project.json('rescue', 'list'))['rescued']).toEqual([]);
      expect((await project.json('rescue', 'drop', '0002_less')).error?.code).toBe(
        'RESCUE.UNKNOWN',
      );
    }));

  it('goes by the text, and the database itself, where the folder does not replay', () =>
    withDatabase(target, async (url) => {
      const project = projectOn(
        url,
        writeFolder({ '0001_by_hand.up.sql': 'SELECT 1; DROP TABLE IF EXISTS nothing' }),
      );
      await project.dbops('migrate', 'up');
      await withSession(url, (session) =>
        session.script(
          'CREATE TABLE made_by_hand (id int PRIMARY KEY, a text, b int); INSERT INTO made_by_hand VALUES (1, $$x$$, 2)',
        ),
      );
      project.write({
        '0002_less.up.sql': 'ALTER TABLE made_by_hand DROP COLUMN a, ALTER b TYPE bigint',
        '0002_less.down.sql': 'ALTER TABLE made_by_hand ADD COLUMN a text',
      });
      const up = await project.dbops('migrate', 'up');
      expect(up.stderr).toContain('no shadow database, so losses are read from the text');
      expect(up.stdout).toContain('saved 1 value of public.made_by_hand.a before');
      expect(up.stdout).not.toContain('made_by_hand.b');
    }));
});

describe.each(servers)('what destroys without saying so on $name', (target) => {
  const it = inTurn(target, servers);
  it('is kept of a module, and of a file outside a transaction', () =>
    withProject(target, shop, async (project) => {
      await project.dbops('migrate', 'up', '--to', '1');
      await withSession(project.url, (session) => session.script(rows));
      project.write({
        '0002_less.up.sql':
          '-- dbops: no-transaction\nALTER TABLE orders DROP COLUMN note; VACUUM orders',
        '0003_module.ts': `export async function up(db) { await db.schema.dropTable('lines').execute() }`,
      });
      const up = await project.json('migrate', 'up');
      expect(up.error).toBeUndefined();
      expect(namesOf(up['rescued'])).toEqual(['lines 3', 'orders.note 5']);
    }));

  it('needs no shadow where there are no rows, or no such words', () =>
    withProject(target, shop, async (project) => {
      const shadow = ['--shadow-url', 'postgres://nobody@127.0.0.1:1/none'];
      // With a shadow that can't be reached, one that is needed is said to be missing.
      expect((await project.dbops('migrate', 'up', ...shadow)).stderr).not.toContain('shadow');
      project.write({ '0003_more.up.sql': 'ALTER TABLE orders ADD COLUMN dropped_at date' });
      expect((await project.dbops('migrate', 'up', ...shadow)).stderr).not.toContain('shadow');
      project.write({ '0004_less.up.sql': 'ALTER TABLE orders DROP COLUMN dropped_at' });
      expect((await project.dbops('migrate', 'up', ...shadow)).stderr).toContain('no shadow');
    }));
});

describe.each(servers)(
  'migrate up after a rollback, with a backfill in between, on $name',
  (target) => {
    const it = inTurn(target, servers);
    const files = {
      '0001_items.up.sql': 'CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL)',
      '0002_slug.up.sql': 'ALTER TABLE items ADD COLUMN slug text',
      '0003_slug_required.up.sql':
        '-- dbops: requires-backfill slug\nALTER TABLE items ALTER COLUMN slug SET NOT NULL',
    };
    const definition = {
      targets: [{ table: 'items', set: 'slug = lower(name)', done: 'slug IS NOT NULL' }],
    };
    const withItems = (test: (project: Project) => Promise<void>) =>
      withServerShadow(target, files, async (project) => {
        writeInto(project.root, { 'backfills/slug.json': JSON.stringify(definition) });
        await project.dbops('migrate', 'up', '--to', '1');
        await project.query(`INSERT INTO items VALUES (1, 'One'), (2, 'Two')`);
        await project.dbops('migrate', 'up');
        await project.query(`UPDATE items SET slug = 'by-hand' WHERE id = 1`);
        await project.json('migrate', 'down', '--to', '1');
        await project.query(`INSERT INTO items VALUES (3, 'Three')`);
        await test(project);
      });
    const slugs = ({ query }: Project) => query('SELECT id, slug FROM items ORDER BY id');

    it.each([[[]], [['--restore']]])(
      'restores the values first, and the backfill fills what is still empty: %j',
      (flags) =>
        withItems(async (project) => {
          const up = await project.json('migrate', 'up', ...flags);
          expect(up).toMatchObject({ exitCode: 0, notRestored: [], restored: [{ restored: 2 }] });
          expect(await slugs(project)).toEqual([
            { id: 1, slug: 'by-hand' },
            { id: 2, slug: 'two' },
            { id: 3, slug: 'three' },
          ]);
        }),
    );

    it.each([
      ['a later run of migrate up', ['migrate', 'up']],
      ['backfill run', ['backfill', 'run', 'slug']],
    ])('restores them before the backfill of %s', (_, words) =>
      withItems(async (project) => {
        const expand = await project.json('migrate', 'up', '--to', '2');
        expect(namesOf(expand['restorable'])).toEqual(['items.slug 2']);
        expect((await project.json(...words)).exitCode).toBe(0);
        expect(await slugs(project)).toEqual([
          { id: 1, slug: 'by-hand' },
          { id: 2, slug: 'two' },
          { id: 3, slug: 'three' },
        ]);
      }),
    );

    it('leaves them to a person who runs a backfill with --no-restore', () =>
      withItems(async (project) => {
        await project.json('migrate', 'up', '--to', '2');
        const dryRun = await project.dbops('backfill', 'run', 'slug', '--dry-run');
        expect(dryRun.stderr).toContain('first restores 2 values of public.items.slug');
        const run = await project.json('backfill', 'run', 'slug', '--no-restore');
        expect(run).toMatchObject({ exitCode: 0, rowsChanged: 3 });
        expect((await slugs(project))[0]).toEqual({ id: 1, slug: 'one' });
      }));

    it('leaves them in dbops_rescue with --no-restore', () =>
      withItems(async (project) => {
        const up = await project.json('migrate', 'up', '--no-restore');
        expect(namesOf(up['restorable'])).toEqual(['items.slug 2']);
        expect((await slugs(project))[0]).toEqual({ id: 1, slug: 'one' });
      }));
  },
);
