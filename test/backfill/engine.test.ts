import { describe, expect, it, vi } from 'vitest';
import { readRelations, readTableInfo } from '../../src/backfill/read-table.ts';
import { withSession } from '../db/session.ts';
import { inTurn, servers, targets } from '../db/targets.ts';
import { until, withClient, writeInto, type Project } from '../migrate/project.ts';
import { definition, purchases, sumOf, withShop, wrongIn } from './shop.ts';

vi.setConfig({ testTimeout: 60_000 });

const run = (project: Project, ...words: string[]) =>
  project.json('backfill', 'run', ...definition, ...words);

const fullDisk = `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.id > 700 THEN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'no space left'; END IF; RETURN NEW; END $$;
  CREATE TRIGGER full_disk BEFORE UPDATE ON purchases FOR EACH ROW EXECUTE FUNCTION full_disk()`;

describe.each(servers)('a backfill of flags on $name', (target) => {
  const it = inTurn(target, servers);
  it('fills every row, reports the strategy with --verbose and counts all rows', () =>
    withShop(target, { purchases: 2_000, personal: 2 }, async (project) => {
      const words = ['backfill', 'run', ...definition, '--verbose'];
      const { exitCode, stderr, stdout } = await project.dbops(...words);
      expect({ exitCode }).toEqual({ exitCode: 4 });
      expect(stderr).toContain('public.purchases: striped ctid windows');
      expect(stdout).toContain(
        '2,000 rows = 0 already filled + 1,800 changed + 200 orphans + 0 mismatched',
      );
      expect(await wrongIn(project)).toBe(0);
      const again = await project.dbops('backfill', 'run', ...definition);
      expect(again.stderr).not.toContain('ctid');
      const skipped = await run(project, '--orphans', 'skip');
      expect(skipped).toMatchObject({
        exitCode: 0,
        state: 'complete',
        rowsChanged: 0,
        orphans: 200,
      });
      const set = await run(project, '--orphans', 'set=7');
      expect(set).toMatchObject({ exitCode: 0, rowsChanged: 200, orphans: 0, rowsDone: 2_000 });
      expect(await run(project, '--orphans', 'set=seven')).toMatchObject({
        exitCode: 2,
        error: { code: 'BACKFILL.ORPHANS' },
      });
    }));

  it('reports mismatched rows, and changes them only with --fix-mismatched', () =>
    withShop(target, { purchases: 100 }, async (project) => {
      await project.query('UPDATE purchases SET organization_id = 1 WHERE id <= 3');
      const account = { rowsTotal: 100, mismatched: 3, rowsChanged: 97 };
      expect(await run(project)).toMatchObject({ exitCode: 4, state: 'incomplete', ...account });
      const fixed = await run(project, '--fix-mismatched');
      expect(fixed).toMatchObject({ exitCode: 0, mismatched: 0, rowsChanged: 3 });
      expect(await wrongIn(project)).toBe(0);
    }));

  it('quarantines rows whose value cannot be computed, names them, and fills the rest', () =>
    withShop(target, { purchases: 1_500 }, async (project) => {
      await project.query(
        'UPDATE purchases SET amount = 1; UPDATE purchases SET amount = 0 WHERE id IN (5, 777, 1490)',
      );
      const words = ['--table', 'purchases', '--set', 'organization_id = 100 / amount'];
      const first = await project.json('backfill', 'run', ...words);
      expect(first).toMatchObject({
        exitCode: 1,
        rowsChanged: 1_497,
        quarantined: 3,
        quarantine: expect.arrayContaining([
          { table: 'purchases', id: '["777"]', sqlstate: '22012', error: 'division by zero' },
        ]),
      });
      expect(sumOf(first)).toBe(1_500);
      await project.query('UPDATE purchases SET amount = 1 WHERE amount = 0');
      const second = await project.json('backfill', 'run', ...words);
      expect(second).toMatchObject({ exitCode: 0, rowsDone: 1_500, quarantined: 0 });
    }));

  it('stops at a full disk, keeps filled rows, and resumes afterwards', () =>
    withShop(target, { purchases: 1_400 }, async (project) => {
      await project.query(fullDisk);
      const cut = await run(project);
      expect(cut).toMatchObject({ exitCode: 1, error: { code: 'BACKFILL.DISK_FULL' } });
      await project.query('DROP TRIGGER full_disk ON purchases');
      const { exitCode, stderr } = await project.dbops('backfill', 'run', ...definition);
      expect(exitCode).toBe(0);
      expect(stderr).toContain('resuming (');
      expect(await wrongIn(project)).toBe(0);
    }));

  it('rejects a changed definition, and starts over with --restart', () =>
    withShop(target, { purchases: 1_400 }, async (project) => {
      const define = (value: string) =>
        writeInto(project.root, {
          'backfills/mine.json': JSON.stringify({
            targets: [{ table: 'purchases', set: `organization_id = ${value}` }],
          }),
        });
      define('id');
      await project.query(fullDisk);
      expect(await project.json('backfill', 'run', 'mine')).toMatchObject({ exitCode: 1 });
      await project.query('DROP TRIGGER full_disk ON purchases');
      define('id + 1');
      const refused = await project.json('backfill', 'run', 'mine');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'BACKFILL.CHANGED' } });
      expect(refused.error?.hint).toContain('dbops backfill run mine --restart');
      const anew = await project.json('backfill', 'run', 'mine', '--restart', '--fix-mismatched');
      expect(anew).toMatchObject({ exitCode: 0, rowsChanged: 1_400 });
    }));

  it.each([
    ['a view', ['--table', 'v', '--set', 'organization_id = 1'], 'BACKFILL.NO_TABLE'],
    ['a table that is not there', ['--table', 'gone', '--set', 'a = 1'], 'BACKFILL.NO_COLUMN'],
    [
      'a column that is not there',
      ['--table', 'purchases', '--set', 'a = 1'],
      'BACKFILL.NO_COLUMN',
    ],
    [
      'a value of another type',
      ['--table', 'purchases', '--set', 'organization_id = note'],
      'BACKFILL.UNFIT',
    ],
    [
      'two expressions',
      ['--table', 'purchases', '--set', 'organization_id = 1, amount = 2'],
      'EXPRESSION',
    ],
    [
      'more than an expression',
      ['--table', 'purchases', '--set', 'organization_id = 1 WHERE id = 2'],
      'EXPRESSION',
    ],
    [
      'a second statement',
      ['--table', 'purchases; DROP TABLE content', '--set', 'organization_id = 1'],
      'EXPRESSION',
    ],
    ['half a definition', ['--table', 'purchases', '--from', 'content'], 'BACKFILL.FLAGS'],
    [
      'a condition of two',
      [...definition, '--pause-when', 'true); DELETE FROM content; SELECT (true'],
      'EXPRESSION',
    ],
    [
      'a condition that means nothing',
      [...definition, '--pause-when', 'no_such_column'],
      'BACKFILL.PAUSE_WHEN',
    ],
  ])('rejects %s before it changes anything', (_, words, code) =>
    withShop(target, { purchases: 3 }, async (project) => {
      await project.query('CREATE VIEW v AS SELECT * FROM purchases');
      expect(await project.json('backfill', 'run', ...words)).toMatchObject({
        exitCode: 2,
        error: { code },
      });
      const [row] = await project.query('SELECT count(*)::int AS n FROM content');
      expect(row).toEqual({ n: 20 });
    }),
  );

  it('fills a table without a key, a partitioned one, and one whose sources may disagree', () =>
    withShop(target, { purchases: 300 }, async (project) => {
      await project.query(`ALTER TABLE purchases DROP CONSTRAINT purchases_pkey;
        CREATE TABLE sales (id int, content_id int, organization_id int) PARTITION BY RANGE (id);
        CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (100);
        CREATE TABLE "Sales 2" PARTITION OF sales FOR VALUES FROM (100) TO (1000);
        INSERT INTO sales SELECT id, content_id FROM purchases;
        CREATE TABLE owners (content_id int, organization_id int);
        INSERT INTO owners SELECT id, organization_id FROM content;
        INSERT INTO owners VALUES (5, 1), (6, 106), (7, NULL)`);
      expect(await run(project)).toMatchObject({ exitCode: 0, rowsChanged: 300 });
      expect(await wrongIn(project)).toBe(0);
      const sales = ['--table', 'sales', '--set', 'organization_id = o.organization_id'];
      const from = ['--from', 'owners AS o', '--on', 'o.content_id = sales.content_id'];
      const several = await project.json('backfill', 'run', ...sales, ...from);
      // Of content 5 there are two answers: none is taken.
      expect(several).toMatchObject({ exitCode: 4, rowsTotal: 300, rowsChanged: 285, orphans: 15 });
      expect(sumOf(several)).toBe(300);
    }));
});

// The embedded database opens for every command: what is of no server is asked of it once.
describe.each(targets.filter(({ kind }) => kind === 'pglite'))('a backfill on $name', (target) => {
  it('fills every row, and resumes an interrupted run', { timeout: 180_000 }, () =>
    withShop(target, { purchases: 1_400 }, async (project) => {
      await project.query(fullDisk);
      expect(await run(project)).toMatchObject({
        exitCode: 1,
        error: { code: 'BACKFILL.DISK_FULL' },
      });
      await project.query('DROP TRIGGER full_disk ON purchases');
      expect(await run(project)).toMatchObject({ exitCode: 0, rowsDone: 1_400 });
      expect(await wrongIn(project)).toBe(0);
    }),
  );
});

describe.each(servers)('a backfill on $name', (server) => {
  const it = inTurn(server, servers);
  it('scans a table that is not a heap by key, and reports why', () =>
    withShop(server, { purchases: 900 }, async (project) => {
      await project.query(`CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
        CREATE TABLE other (a int, b text, content_id int, organization_id int, PRIMARY KEY (a, b)) USING heap2;
        INSERT INTO other SELECT id / 10, id, content_id FROM purchases`);
      const words = ['--table', 'other', '--set', 'organization_id = content.organization_id'];
      const on = ['--from', 'content', '--on', 'content.id = other.content_id'];
      const { exitCode, stderr } = await project.dbops('backfill', 'run', ...words, ...on);
      expect(exitCode).toBe(0);
      expect(stderr).toContain('public.other: key ranges (public.other is not a heap table');
      const [row] = await project.query('SELECT count(organization_id)::int AS n FROM other');
      expect(row).toEqual({ n: 900 });
    }));

  it('reports what holds back the xmin horizon', () =>
    withShop(server, { purchases: 20_000 }, (project) =>
      withClient(project.url, async (client) => {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM content');
        const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await client.query('SELECT pg_sleep(3.2)');
        const { stderr, exitCode } = await project.dbops(
          'backfill',
          'run',
          ...definition,
          '--max-rate',
          '15000',
        );
        expect(exitCode).toBe(0);
        expect(stderr).toContain('plain ctid windows (the xmin horizon is held back');
        expect(stderr).toContain(`pid ${rows[0]?.pid} (the application`);
      }),
    ));

  it('leaves a locked row for the final sweep, and never waits for it while it holds other locks', () =>
    withShop(server, { purchases: 500 }, (project) =>
      withClient(project.url, async (client) => {
        await client.query('BEGIN; UPDATE purchases SET amount = 1 WHERE id = 250');
        const done = run(project, '--no-trigger');
        await until(async () => {
          const [row] = await project.query<{ n: number }>(
            'SELECT count(organization_id)::int AS n FROM purchases',
          );
          return row?.n === 499;
        });
        await client.query('COMMIT');
        expect(await done).toMatchObject({ exitCode: 0, rowsChanged: 500 });
      }),
    ));

  it('pauses and resumes from another terminal; a second run names the first', () =>
    withShop(server, { purchases: 20_000 }, async (project) => {
      const first = run(project, '--max-rate', '4000');
      await until(
        async () => (await project.json('backfill', 'status', purchases))['state'] === 'running',
      );
      expect(await project.json('backfill', 'pause', purchases)).toMatchObject({ exitCode: 0 });
      const second = await run(project, '--wait', '100ms');
      expect(second).toMatchObject({ exitCode: 7, error: { code: 'LOCK.BACKFILL' } });
      expect(second.error?.message).toMatch(/pid \d+ \(dbops backfill run/);
      const paused = await until(async () => {
        const status = await project.json('backfill', 'status', purchases);
        return status['state'] === 'paused' && status;
      });
      expect(Number({ ...paused }['rowsChanged'])).toBeLessThan(20_000);
      expect(await project.json('backfill', 'resume', purchases)).toMatchObject({ exitCode: 0 });
      expect(await first).toMatchObject({ exitCode: 0, rowsDone: 20_000 });
      expect(await project.json('backfill', 'status', purchases)).toMatchObject({
        state: 'complete',
        rowsTotal: 20_000,
        rowsChanged: 20_000,
      });
    }));

  it('does not start while it is paused or the condition of --pause-when is true', () =>
    withShop(server, { purchases: 50 }, async (project) => {
      await run(project);
      await project.json('backfill', 'pause', purchases);
      const refused = await run(project);
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'BACKFILL.PAUSED' } });
      expect(refused.error?.hint).toContain(`dbops backfill resume ${purchases}`);
      await project.json('backfill', 'resume', purchases);
      await project.query('UPDATE purchases SET organization_id = NULL; CREATE TABLE hold ()');
      const held = run(
        project,
        '--pause-when',
        "to_regclass('hold') IS NOT NULL",
        '--max-rate',
        '50',
      );
      await project.query('DROP TABLE hold');
      expect(await held).toMatchObject({ exitCode: 0, rowsChanged: 50 });
    }));

  it('scans a table again that was rewritten since the interruption', () =>
    withShop(server, { purchases: 1_400 }, async (project) => {
      await project.query(fullDisk);
      expect(await run(project)).toMatchObject({ exitCode: 1 });
      await project.query('DROP TRIGGER full_disk ON purchases');
      await project.query('VACUUM FULL purchases');
      const rest = await run(project);
      expect(rest).toMatchObject({ exitCode: 0, rowsDone: 1_400, rowsChanged: 1_400 });
      expect(await wrongIn(project)).toBe(0);
    }));

  it('restates indexed columns, except those of UPDATE OF triggers and those it cannot set', () =>
    withShop(server, { purchases: 200 }, async (project) => {
      await project.query(`ALTER TABLE purchases ADD COLUMN twice int GENERATED ALWAYS AS (amount * 2) STORED;
        ALTER TABLE purchases ADD COLUMN number int GENERATED ALWAYS AS IDENTITY;
        CREATE INDEX ON purchases (twice); CREATE INDEX ON purchases (number);
        CREATE INDEX ON purchases (note); CREATE INDEX ON purchases USING hash (amount); CREATE INDEX ON purchases ((id + 1)); CREATE INDEX ON purchases (id, amount);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'was updated'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE OF note ON purchases FOR EACH ROW EXECUTE FUNCTION refuse()`);
      const restated = await withSession(project.url, async (session) => {
        const { oid } = await readTableInfo(session, 'purchases', 'organization_id');
        return (await readRelations(session, oid, 'organization_id')).map((each) => each.restated);
      });
      expect(restated).toEqual([['content_id']]);
      expect(await run(project)).toMatchObject({ exitCode: 0, rowsChanged: 200 });
      expect(await wrongIn(project)).toBe(0);
    }));

  it('runs the given number of workers, on disjoint ranges', () =>
    withShop(server, { purchases: 60_000 }, async (project) => {
      expect(await run(project, '--workers', '3')).toMatchObject({
        exitCode: 0,
        rowsChanged: 60_000,
      });
      const [row] = await project.query(
        'SELECT count(*) FILTER (WHERE changed > 0)::int AS walked FROM dbops.backfill_ranges WHERE id >= 0',
      );
      expect(row).toEqual({ walked: 3 });
      expect(await wrongIn(project)).toBe(0);
    }));
});

describe.each(servers)('the trigger of a backfill on $name', (server) => {
  const it = inTurn(server, servers);
  it('fills inserts and follows moves of a role that may not read the source, and never fails a statement', () =>
    withShop(server, { purchases: 100, personal: 1 }, async (project) => {
      await run(project);
      await project.query(`CREATE ROLE till_${server.major};
        GRANT SELECT, INSERT, UPDATE ON purchases TO till_${server.major}`);
      try {
        await withClient(project.url, async (client) => {
          await client.query(`SET ROLE till_${server.major}`);
          await client.query(
            'INSERT INTO purchases (id, content_id) VALUES (1001, 3), (1002, 1), (1003, 999)',
          );
          await client.query('UPDATE purchases SET content_id = 5 WHERE id = 1001');
          await client.query(
            'INSERT INTO purchases (id, content_id, organization_id) VALUES (1004, 3, 55)',
          );
        });
        const rows = await project.query(
          'SELECT id, organization_id FROM purchases WHERE id > 1000 ORDER BY id',
        );
        expect(rows).toEqual([
          { id: 1001, organization_id: 105 },
          { id: 1002, organization_id: null },
          { id: 1003, organization_id: null },
          { id: 1004, organization_id: 55 },
        ]);
        await project.query('DROP TABLE content');
        await project.query('INSERT INTO purchases (id, content_id) VALUES (1005, 3)');
        await project.query('ALTER TABLE purchases DROP COLUMN organization_id');
        await project.query('INSERT INTO purchases (id, content_id) VALUES (1006, 3)');
      } finally {
        await project.query(`DROP OWNED BY till_${server.major}; DROP ROLE till_${server.major}`);
      }
    }));

  it('follows a change of a type without equality, such as json', () =>
    withShop(server, { purchases: 3 }, async (project) => {
      await project.query(
        `ALTER TABLE purchases ADD COLUMN payload json; UPDATE purchases SET payload = '{"of": 7}'`,
      );
      const words = ['--table', 'purchases', '--set', "organization_id = (payload ->> 'of')::int"];
      expect(await project.json('backfill', 'run', ...words)).toMatchObject({ exitCode: 0 });
      await project.query(`UPDATE purchases SET payload = '{"of": 8}' WHERE id = 2`);
      expect(
        await project.query('SELECT organization_id AS of FROM purchases ORDER BY id'),
      ).toEqual([{ of: 7 }, { of: 8 }, { of: 7 }]);
    }));

  it('is not created with --no-trigger, and dropped with --remove-trigger', () =>
    withShop(server, { purchases: 10 }, async (project) => {
      const triggers = () => project.query("SELECT FROM pg_trigger WHERE tgname LIKE 'zz_dbops%'");
      await run(project, '--no-trigger');
      expect(await triggers()).toHaveLength(0);
      await run(project);
      expect(await triggers()).toHaveLength(2);
      await run(project, '--remove-trigger');
      expect(await triggers()).toHaveLength(0);
    }));
});
