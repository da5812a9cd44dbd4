import { describe, expect, it } from 'vitest';
import { changesData, moduleChangesData } from '../../src/sql/changes-data.ts';

describe('a file that changes rows', () => {
  it.each([
    'INSERT INTO t VALUES (1)',
    'CREATE TABLE t (a int); UPDATE t SET a = 1',
    'WITH gone AS (DELETE FROM t RETURNING a) SELECT a FROM gone',
    'MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE',
    'TRUNCATE t',
    'COPY t FROM PROGRAM $$cat$$',
    'CREATE TABLE t AS SELECT 1 AS a',
    'SELECT 1 AS a INTO t',
    'DO $$ BEGIN UPDATE t SET a = 1; END $$',
    "SELECT setval('s', 5)",
    'CALL fill()',
    'INSERT INTO t VALUES (1) -- and what the grammar does not know \\gexec',
  ])('%s', async (sql) => {
    expect(await changesData(sql)).toBe(true);
  });

  it.each([
    'CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE ON UPDATE SET NULL)',
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM t'",
    'CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM t; END',
    'CREATE RULE r AS ON DELETE TO t DO INSTEAD UPDATE t SET a = 1',
    'CREATE VIEW v AS SELECT count(*) FROM t',
    'CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM t',
    'CREATE TRIGGER g AFTER INSERT OR UPDATE OR DELETE ON t EXECUTE FUNCTION f()',
    "DO $$ BEGIN CREATE TYPE mood AS ENUM ('fine'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    "SELECT pg_catalog.set_config('search_path', '', false)",
    '-- insert into t',
    '',
  ])('is not: %s', async (sql) => {
    expect(await changesData(sql)).toBe(false);
  });
});

describe('a module that changes rows', () => {
  it.each([
    `await db.insertInto('t').values({ a: 1 }).execute()`,
    `await knex('t').where({ a: 1 }).update({ a: 2 })`,
    'pgm.sql("UPDATE t SET a = 1")',
  ])('%s', (source) => {
    expect(moduleChangesData(source)).toBe(true);
  });

  it(`is not one with foreign keys and columns named updated_at`, () => {
    const source = `table.foreign('a').onDelete('CASCADE').onUpdate('CASCADE'); table.timestamp('updated_at')`;
    expect(moduleChangesData(source)).toBe(false);
  });
});
