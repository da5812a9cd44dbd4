import { describe, expect, vi } from 'vitest';
import type { Session } from '../../src/db/session.ts';
import { restore } from '../../src/rescue/restore/run.ts';
import { readRecords } from '../../src/rescue/record.ts';
import { inTurn, targets, withDatabase, type Target } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { bringBack, contentOf, destroy, putBack } from './session.ts';

// A PGlite takes seconds to open on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const withTables = (target: Target, sql: string, test: (session: Session) => Promise<void>) =>
  withDatabase(target, (url) =>
    withSession(url, async (session) => {
      await session.script(sql);
      await test(session);
    }),
  );

const fatesOf = (restored: Awaited<ReturnType<typeof putBack>>) =>
  restored.map(({ fates, obstacle }) => obstacle ?? fates);

const none = { restored: 0, same: 0, conflict: 0, orphan: 0, missing: 0 };

describe.each(targets)('putting back on $name', (target) => {
  const it = inTurn(target);
  it('leaves alone what has another row in its place, and what has no parent any more', () =>
    withTables(
      target,
      `CREATE TABLE parents (id int PRIMARY KEY);
       CREATE TABLE rows (id int PRIMARY KEY, code text UNIQUE, parent int REFERENCES parents);
       INSERT INTO parents VALUES (1), (2);
       INSERT INTO rows VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 2), (4, 'd', NULL), (5, 'e', 1)`,
      async (session) => {
        await destroy(session, 'DROP TABLE rows');
        await session.script(`CREATE TABLE rows (id int PRIMARY KEY, code text UNIQUE, parent int REFERENCES parents);
          INSERT INTO rows VALUES (1, 'new', NULL), (20, 'b', NULL), (5, 'e', 1); DELETE FROM parents WHERE id = 2`);
        expect(fatesOf(await putBack(session))).toEqual([
          { ...none, restored: 1, same: 1, conflict: 2, orphan: 1 },
        ]);
        expect(await session.query('SELECT id, code FROM rows ORDER BY id')).toEqual([
          { id: 1, code: 'new' },
          { id: 4, code: 'd' },
          { id: 5, code: 'e' },
          { id: 20, code: 'b' },
        ]);
        expect((await readRecords(session))[0]).toMatchObject({ state: 'partly', rows: 5 });
      },
    ));

  it('leaves alone values that were written into a column that another migration has added again', () =>
    withTables(
      target,
      `CREATE TABLE "Customers" (id int PRIMARY KEY, phone text, score numeric(6,2), tags text[]);
       INSERT INTO "Customers" SELECT n, 'old-' || n, n, ARRAY['old'] FROM generate_series(1, 4) n`,
      async (session) => {
        await destroy(session, 'ALTER TABLE "Customers" DROP phone, DROP score, DROP tags');
        await session.script(
          `ALTER TABLE "Customers" ADD phone text, ADD score numeric(6,2) DEFAULT 0, ADD tags text[] DEFAULT '{"a b","it''s"}';
           ALTER TABLE "Customers" ALTER tags SET DEFAULT '{}';
           UPDATE "Customers" SET phone = 'NEW-1', score = 9, tags = '{new}' WHERE id = 1;
           INSERT INTO "Customers" (id) VALUES (5)`,
        );
        const restored = await putBack(session);
        expect(fatesOf(restored)).toEqual([
          { ...none, restored: 3, conflict: 1 },
          { ...none, restored: 3, conflict: 1 },
          { ...none, restored: 3, conflict: 1 },
        ]);
        expect(
          await session.query(
            'SELECT phone, score, tags FROM "Customers" WHERE id < 3 ORDER BY id',
          ),
        ).toEqual([
          { phone: 'NEW-1', score: '9.00', tags: ['new'] },
          { phone: 'old-2', score: '2.00', tags: ['old'] },
        ]);
      },
    ));

  it('replaces a constant default also where the server has rewritten the table since', () =>
    withTables(
      target,
      `CREATE TABLE a (id int PRIMARY KEY, note text, at timestamptz);
       INSERT INTO a VALUES (1, 'x', '2020-01-01Z'), (2, 'y', '2020-01-02Z')`,
      async (session) => {
        await destroy(session, 'ALTER TABLE a DROP note, DROP at');
        await session.script(
          `ALTER TABLE a ADD note varchar(20) DEFAULT 'none', ADD at timestamptz DEFAULT now();
           ALTER TABLE a ALTER id TYPE bigint; UPDATE a SET note = 'NEW' WHERE id = 2`,
        );
        const [at, note] = fatesOf(await putBack(session)).toReversed();
        expect([at, note]).toContainEqual({ ...none, restored: 1, conflict: 1 });
        expect(await session.query('SELECT note FROM a ORDER BY id')).toEqual([
          { note: 'x' },
          { note: 'NEW' },
        ]);
      },
    ));

  it('leaves alone values that were written since, unless they may be overwritten', () =>
    withTables(
      target,
      `CREATE TABLE prices (id int PRIMARY KEY, amount numeric(10,4), note text DEFAULT 'none');
       INSERT INTO prices VALUES (1, 1.2345, 'x'), (2, 2.5, 'y'), (3, 3.1, NULL), (4, 4.4, 'z'), (5, 5.5, 'q')`,
      async (session) => {
        await destroy(session, 'ALTER TABLE prices ALTER amount TYPE int, DROP COLUMN note');
        await session.script(
          'UPDATE prices SET amount = 7 WHERE id = 2; DELETE FROM prices WHERE id = 5',
        );
        await destroy(
          session,
          `ALTER TABLE prices ALTER amount TYPE numeric(10,4), ADD COLUMN note text DEFAULT 'none'`,
          '0002_less',
          'down',
        );
        await session.script(`UPDATE prices SET note = 'written' WHERE id = 4`);
        expect(fatesOf(await putBack(session))).toEqual([
          { ...none, restored: 3, conflict: 1, missing: 1 },
          { ...none, restored: 3, conflict: 1, missing: 1 },
        ]);
        expect(await session.query('SELECT id, amount, note FROM prices ORDER BY id')).toEqual([
          { id: 1, amount: '1.2345', note: 'x' },
          { id: 2, amount: '7.0000', note: 'y' },
          { id: 3, amount: '3.1000', note: null },
          { id: 4, amount: '4.4000', note: 'written' },
        ]);
        await restore(session, await readRecords(session), { dryRun: false, overwrite: true });
        expect(
          await session.query('SELECT id, amount, note FROM prices WHERE id IN (2, 4) ORDER BY 1'),
        ).toEqual([
          { id: 2, amount: '2.5000', note: 'y' },
          { id: 4, amount: '4.4000', note: 'z' },
        ]);
      },
    ));

  it('lets no trigger fire, and gives each its own state back', () => {
    const triggers = `CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON rows FOR EACH ROW EXECUTE FUNCTION stamp();
      CREATE TRIGGER "a ""b" AFTER INSERT ON rows FOR EACH ROW EXECUTE FUNCTION stamp();
      CREATE TRIGGER off BEFORE UPDATE ON rows FOR EACH ROW EXECUTE FUNCTION stamp();
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stamp();
      ALTER TABLE rows ENABLE ALWAYS TRIGGER "a ""b", DISABLE TRIGGER off, ENABLE REPLICA TRIGGER late`;
    return withTables(
      target,
      `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at = 'now'; RETURN NEW; END $$;
       CREATE TABLE rows (id int PRIMARY KEY, at text, more text);
       INSERT INTO rows VALUES (1, 'long ago', 'm'); ${triggers}`,
      async (session) => {
        const states = () =>
          session.query(
            'SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1',
          );
        const before = { content: await contentOf(session), states: await states() };
        await destroy(session, 'ALTER TABLE rows DROP COLUMN more');
        await bringBack(session, 'ALTER TABLE rows ADD COLUMN more text');
        expect({ content: await contentOf(session), states: await states() }).toEqual(before);
        await destroy(session, 'DROP TABLE rows', '0003_none');
        await bringBack(
          session,
          `CREATE TABLE rows (id int PRIMARY KEY, at text, more text); ${triggers}`,
          '0003_none',
        );
        expect({ content: await contentOf(session), states: await states() }).toEqual(before);
      },
    );
  });

  it('sets sequences as they were, and never back', () =>
    withTables(
      target,
      `CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
       INSERT INTO a SELECT FROM generate_series(1, 9); INSERT INTO b DEFAULT VALUES; DELETE FROM a WHERE id > 5`,
      async (session) => {
        await destroy(session, 'DROP TABLE a, b');
        await session.script(
          'CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO b SELECT FROM generate_series(1, 3)',
        );
        await putBack(session);
        expect(
          await session.query(
            `SELECT nextval('a_id_seq')::int AS a, nextval('b_id_seq')::int AS b`,
          ),
        ).toEqual([{ a: 10, b: 4 }]);
      },
    ));

  it('keeps what TRUNCATE, DELETE and a rewriting expression destroy', () =>
    withTables(
      target,
      `CREATE TABLE a (id int PRIMARY KEY, name text); CREATE TABLE b (a int REFERENCES a); CREATE TABLE c (id int);
       INSERT INTO a VALUES (1, 'Ada'), (2, 'bob'); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1), (1)`,
      async (session) => {
        const before = await contentOf(session);
        const rewrite = await destroy(
          session,
          'ALTER TABLE a ALTER name TYPE text USING lower(name)',
          '0002_lower',
        );
        expect(rewrite.map(({ rows }) => rows)).toEqual([1]);
        const kept = await destroy(
          session,
          'TRUNCATE a CASCADE; WITH gone AS (DELETE FROM c RETURNING id) SELECT FROM gone',
        );
        expect(kept.map(({ loss }) => loss.table)).toEqual(['a', 'b', 'c']);
        await putBack(session);
        await putBack(session, '0002_lower');
        expect(await contentOf(session)).toEqual(before);
      },
    ));

  it('finds what a DO block drops, and a column that returns as NOT NULL with its rows', () =>
    withTables(
      target,
      `CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL); INSERT INTO a VALUES (1, 'Ada')`,
      async (session) => {
        const before = await contentOf(session);
        await destroy(
          session,
          `DO $$ BEGIN EXECUTE 'ALTER TABLE a DROP COLUMN ' || 'name'; END $$`,
          '0002_name',
          'down',
        );
        await destroy(session, `DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$`, '0001_a', 'down');
        await destroy(session, 'CREATE TABLE a (id int PRIMARY KEY)', '0001_a', 'up');
        await destroy(session, 'ALTER TABLE a ADD COLUMN name text NOT NULL', '0002_name', 'up');
        const restored = await restore(session, await readRecords(session), {
          dryRun: false,
          overwrite: false,
        });
        expect(restored.filter(({ obstacle }) => obstacle)).toEqual([]);
        expect(await contentOf(session)).toEqual(before);
      },
    ));

  it('says what is in the way, and changes nothing', () =>
    withTables(
      target,
      'CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int); INSERT INTO a VALUES (1, $$007$$); INSERT INTO b VALUES (1)',
      async (session) => {
        await destroy(session, 'ALTER TABLE a ALTER v TYPE int USING v::int; DROP TABLE b');
        const obstacles = fatesOf(await putBack(session));
        expect(obstacles.toSorted()).toEqual([
          'column v has type integer, but the saved values have type text',
          'table public.b does not exist',
        ]);
        expect((await readRecords(session)).map(({ state }) => state)).toEqual(['kept', 'kept']);
      },
    ));
});
