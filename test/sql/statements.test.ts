import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  lineOf,
  offsetOfCharacter,
  splitStatements,
  SqlSyntaxError,
  type Statement,
} from '../../src/sql/statements.ts';

async function only(sql: string): Promise<Statement> {
  const [statement, ...rest] = await splitStatements(sql);
  if (!statement || rest.length > 0) throw new Error(`${sql} is not one statement`);
  return statement;
}

const textOf = async (sql: string) => (await splitStatements(sql)).map((each) => each.sql);

describe('splitStatements', () => {
  it.each([
    ['dollar quotes', "DO $body$ BEGIN PERFORM ';'; END $body$"],
    [
      'nested dollar quotes',
      'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $a$ SELECT $$;$$; $a$',
    ],
    ['BEGIN ATOMIC', 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END'],
    ['quoted semicolons', `SELECT ';', U&'\\003B', E'\\';', "a;b" FROM t AS "a;b"`],
    ['comments inside', 'SELECT 1 /* ; /* ; */ ; */ + 2 -- ;\n + 3'],
    [
      'a rule with several commands',
      'CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)',
    ],
  ])('never cuts %s', async (_, sql) => {
    expect(await textOf(`${sql};\n${sql} ;SELECT 1`)).toEqual([sql, sql, 'SELECT 1']);
  });

  it('leaves out comments before a statement, nested ones too', async () => {
    const sql =
      '-- one;\n/* two; /* three; */ four; */\n\nSELECT 1; -- five;\n/* six */ SELECT 2;\n-- end';
    const statements = await splitStatements(sql);
    expect(statements.map(({ sql: text, line }) => [text, line])).toEqual([
      ['SELECT 1', 4],
      ['SELECT 2', 5],
    ]);
  });

  it('counts offsets and lines of text beyond ASCII', async () => {
    const sql = "SELECT 'größer 🐘', '日本語';\r\n-- 🐘🐘\n  SELECT 'ß';\n\tSELECT 3";
    const statements = await splitStatements(sql);
    expect(statements.map(({ line }) => line)).toEqual([1, 3, 4]);
    for (const { sql: text, offset } of statements)
      expect(sql.slice(offset, offset + text.length)).toBe(text);
  });

  it.each(['', ' \n\t', ';;', '-- nothing', '/* nothing */;'])(
    'finds nothing in %j',
    async (sql) => {
      expect(await splitStatements(sql)).toEqual([]);
    },
  );

  it('reports where the syntax is wrong', async () => {
    const sql = "SELECT 'größer 🐘';\nSELECT 1 FORM t";
    const error: unknown = await splitStatements(sql).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SqlSyntaxError);
    const { offset, message } = error as SqlSyntaxError;
    expect(sql.slice(offset)).toBe('t');
    expect(message).toContain('syntax error at or near "t"');
  });

  const pieces = fc.constantFrom(
    'SELECT 1',
    "SELECT 'größer 🐘;'",
    'SELECT $$\n;\n$$',
    'CREATE TABLE "日本;語" (\n  id int -- ;\n)',
    'INSERT INTO t\nVALUES (1, $x$;$x$)',
    'CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC\nSELECT 1;\nEND',
    'SELECT 1 /* ;\n/* ; */ */ + 1',
    'CREATE INDEX CONCURRENTLY i ON t (a)',
  );

  it('splits what was joined, with its lines', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pieces), async (texts) => {
        const sql = texts.join(';\n');
        const statements = await splitStatements(sql);
        expect(statements.map((each) => each.sql)).toEqual(texts);
        let line = 1;
        for (const [at, text] of texts.entries()) {
          expect(statements[at]?.line).toBe(line);
          line += text.split('\n').length;
        }
      }),
    );
  });
});

describe('a statement runs outside a transaction', () => {
  it.each([
    'CREATE INDEX CONCURRENTLY i ON t (a)',
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a)',
    'DROP INDEX CONCURRENTLY i',
    'REINDEX TABLE CONCURRENTLY t',
    'REINDEX (VERBOSE, CONCURRENTLY) INDEX i',
    'REINDEX SCHEMA public',
    'REINDEX DATABASE',
    'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
    'VACUUM t',
    'VACUUM (ANALYZE) t',
    'CLUSTER',
    'ALTER SYSTEM SET work_mem = 1',
    'CREATE DATABASE d',
    'DROP DATABASE d',
    'ALTER DATABASE d SET TABLESPACE s',
    "CREATE TABLESPACE s LOCATION '/x'",
    'DROP TABLESPACE s',
    'DISCARD ALL',
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    'DROP SUBSCRIPTION s',
  ])('because no transaction block may hold it: %s', async (sql) => {
    expect(await only(sql)).toMatchObject({ standsAlone: true, controlsTransaction: false });
  });

  it.each([
    'CREATE INDEX i ON t (a)',
    'DROP INDEX i',
    'DROP TABLE "concurrently"',
    'REINDEX TABLE t',
    'ALTER TABLE t DETACH PARTITION p',
    'ANALYZE t',
    'CLUSTER t',
    'ALTER DATABASE d SET work_mem = 1',
    'DISCARD PLANS',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY v',
    "ALTER TYPE mood ADD VALUE 'calm'",
    "SELECT 'VACUUM'",
  ])('but not this one: %s', async (sql) => {
    expect(await only(sql)).toMatchObject({ standsAlone: false, controlsTransaction: false });
  });
});

it.each([
  'BEGIN',
  'START TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  'COMMIT',
  'END',
  'ROLLBACK',
  'ABORT',
  'SAVEPOINT s',
  'ROLLBACK TO SAVEPOINT s',
  'RELEASE s',
  "PREPARE TRANSACTION 'x'",
])('%s controls the transaction', async (sql) => {
  expect((await only(sql)).controlsTransaction).toBe(true);
});

it.each([
  'DO $$ BEGIN PERFORM 1; END $$',
  'PREPARE p AS SELECT 1',
  'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END',
])('%s does not control the transaction', async (sql) => {
  expect((await only(sql)).controlsTransaction).toBe(false);
});

const t = { name: 't' };

it.each([
  ['CREATE INDEX CONCURRENTLY i ON t (a)', { kind: 'create-index', table: t, name: 'i' }],
  [
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS "I x" ON "S".t (a)',
    { kind: 'create-index', table: { schema: 'S', name: 't' }, name: 'I x' },
  ],
  ['CREATE INDEX CONCURRENTLY ON t (a)', { kind: 'create-index', table: t }],
  ['DROP INDEX CONCURRENTLY s.i', { kind: 'drop-index', index: { schema: 's', name: 'i' } }],
  ['REINDEX TABLE CONCURRENTLY t', { kind: 'reindex', scope: 'table', object: t }],
  ['REINDEX (CONCURRENTLY) SCHEMA s', { kind: 'reindex', scope: 'schema', object: { name: 's' } }],
  [
    'ALTER TABLE t DETACH PARTITION s.p CONCURRENTLY',
    { kind: 'detach-partition', parent: t, partition: { schema: 's', name: 'p' } },
  ],
  ['CREATE DATABASE d', { kind: 'database', name: 'd' }],
  ['DROP TABLESPACE d', { kind: 'tablespace', name: 'd' }],
  ['ALTER SUBSCRIPTION d REFRESH PUBLICATION', { kind: 'subscription', name: 'd' }],
  ['CREATE INDEX i ON t (a)', undefined],
  ['REINDEX SCHEMA s', undefined],
  ['VACUUM t', undefined],
])('%s has an effect to be looked for', async (sql, effect) => {
  expect((await only(sql)).effect).toEqual(effect);
});

it.each([
  ['SET search_path = a', true],
  ['RESET ALL', true],
  ['SET ROLE app', true],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', true],
  ["SELECT pg_catalog.set_config('search_path', '', false)", true],
  ["SELECT set_config('a.b', '1', false), set_config('a.c', '1', false)", true],
  ["SELECT set_config('a.b', '1', true)", false],
  ["SELECT set_config('a.b', x, false) FROM t", false],
  ['SELECT 1', false],
  ['SET LOCAL search_path = a', false],
  ['SET TRANSACTION READ ONLY', false],
  ['SET CONSTRAINTS ALL DEFERRED', false],
])('%s is carried to what comes after it: %s', async (sql, expected) => {
  expect((await only(sql)).setsSession).toBe(expected);
});

it('counts characters as PostgreSQL does: an elephant is one', () => {
  expect(offsetOfCharacter('a🐘b', 2)).toBe(3);
  expect(offsetOfCharacter('a🐘b', 0)).toBe(0);
  expect(offsetOfCharacter('a🐘b', 9)).toBe(4);
  expect(lineOf('a\nb\nc', 0)).toBe(1);
  expect(lineOf('a\nb\nc', 4)).toBe(3);
});
