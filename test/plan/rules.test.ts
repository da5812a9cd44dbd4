import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { observerOf, type Observer } from '../../src/plan/observe/observer.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { newest } from '../db/targets.ts';
import { factsOf, judge, observeStatements } from './hazards.ts';
import { observationOf } from './observation-of.ts';
import { observedSchema } from './observed-schema.ts';

describe.each(newest)('the rules on the text of statements on $name', (target) => {
  let database: OpenDatabase;
  let observer: Observer;

  beforeAll(async () => {
    database = await openDatabase(target);
    await database.session.script(observedSchema);
    observer = await observerOf(database.session);
  });
  afterAll(() => database.end());

  /** Returns the hazards of statements as `code object`, in tables of 20 million rows or of `rows`. */
  async function hazards(statements: readonly string[], rows = 20_000_000): Promise<string[]> {
    const { session } = database;
    const observations = await observeStatements(session, observer, statements);
    const verdicts = await judge(observations, await factsOf(session, rows));
    return verdicts.flatMap((each) => each.hazards.map(({ code, object }) => `${code} ${object}`));
  }

  it.each([
    ['rename public.t.b', ['ALTER TABLE t RENAME COLUMN b TO bb']],
    ['rename public.t', ['ALTER TABLE t RENAME TO t2']],
    ['rename public.vw', ['ALTER VIEW vw RENAME TO seen']],
    ['rename public.p', ['CREATE SCHEMA app', 'ALTER TABLE p SET SCHEMA app']],
    ['rename public.c', ["DO $$ BEGIN EXECUTE 'ALTER TABLE c RENAME TO d'; END $$"]],
    ['rename enum label sad', ["ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"]],
    ['drop public.t.b', ['ALTER TABLE t DROP COLUMN b, ADD COLUMN bb text']],
    ['drop public.c', ['DROP TABLE c']],
    ['drop public.idt', ["DO $$ BEGIN EXECUTE 'DROP TABLE idt'; END $$"]],
    ['drop public.p1', ['DROP TABLE p1']],
    ['unbatched-write public.t', ['UPDATE t SET a = 1']],
    ['unbatched-write public.idt', ['DELETE FROM idt']],
  ])('report %s', async (expected, statements) => {
    expect(await hazards(statements)).toEqual([expected]);
    const [last = ''] = statements.slice(-1);
    const commented = [...statements.slice(0, -1), `-- UPDATE x\n/* DROP TABLE y; */ ${last}`];
    expect(await hazards(commented)).toEqual([expected]);
  });

  it('report a table that is dropped and created again, also a partitioned one', async () => {
    const table = ['DROP TABLE c', 'CREATE TABLE c (id int)'];
    expect(await hazards(table)).toEqual(['drop public.c', 'recreate public.c']);
    const partitioned = ['DROP TABLE p', 'CREATE TABLE p (id int) PARTITION BY RANGE (id)'];
    const found = await hazards(partitioned);
    expect(found).toEqual(expect.arrayContaining(['drop public.p', 'recreate public.p']));
  });

  it.each([
    [['ALTER INDEX t_a_idx RENAME TO other']],
    [['ALTER TABLE t RENAME CONSTRAINT t_pkey TO other']],
    [['CREATE TABLE n (a int)', 'ALTER TABLE n RENAME TO m']],
    [['ALTER TABLE t DROP CONSTRAINT t_ck_check', 'ALTER TABLE t ALTER COLUMN a DROP DEFAULT']],
    [['DROP INDEX t_a_idx', 'CREATE INDEX t_a_idx ON t (a)']],
    [['CREATE TABLE n (a int)', 'DROP TABLE n', 'CREATE TABLE n (b int)']],
    [['UPDATE t SET a = 1 WHERE id = 5', 'INSERT INTO idt (x) VALUES (1)']],
    [["ALTER TYPE mood ADD VALUE 'glad'"]],
  ])('report nothing for %j', async (statements) => {
    expect(await hazards(statements)).toEqual([]);
  });

  it('report no write of few rows', async () => {
    expect(await hazards(['UPDATE t SET a = 1'], 200)).toEqual([]);
  });

  it('report IF NOT EXISTS of an index that is built concurrently, and the invalid one that exists', async () => {
    const judged = async (sql: string, isValid: boolean) => {
      const facts = await factsOf(database.session, 200);
      const invalid = { name: 'Odd "index', bytes: 0, isValid };
      for (const table of facts.tables) table.indexes.push(invalid);
      const verdicts = await judge([observationOf({ sql })], facts);
      return verdicts.flatMap((each) => each.hazards.map(({ help }) => help));
    };
    const build = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "Odd ""index" ON t (b)';
    expect(await judged(build, true)).toEqual([expect.stringContaining('Remove IF NOT EXISTS')]);
    expect(await judged(build, false)).toEqual([
      'Drop it first: DROP INDEX CONCURRENTLY "Odd ""index"',
    ]);
    expect(await judged(build.replace('CONCURRENTLY ', ''), false)).toEqual([]);
    expect(await judged(build.replace('IF NOT EXISTS ', ''), false)).toEqual([]);
  });
});
