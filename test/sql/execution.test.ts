import { describe, expect, it } from 'vitest';
import type { SqlScript } from '../../src/migration.ts';
import { readDirectives } from '../../src/sql/directives.ts';
import { executionOf, splitParts } from '../../src/sql/execution.ts';

const ours = { needsDirective: true };

function execute(
  sql: string,
  format: { needsDirective?: boolean } = {},
  more?: Partial<SqlScript>,
) {
  const script: SqlScript = { kind: 'sql', file: 'm.sql', sql, ...more };
  return executionOf({ name: 'm', script, directives: readDirectives(sql, 'm') }, format);
}

describe('a file of another tool', () => {
  it('is one transaction', async () => {
    const sql = 'CREATE TABLE t (); INSERT INTO t DEFAULT VALUES;';
    expect(await execute(sql)).toEqual({ sql, source: sql, isStepwise: false });
  });

  it('keeps every place when its own BEGIN and COMMIT are taken out', async () => {
    const sql =
      '-- ü🐘\r\nBEGIN\r\n;CREATE TABLE t ();\nCOMMIT;\nstart transaction; SELECT 1; END;';
    const { sql: sent, isStepwise } = await execute(sql);
    expect(isStepwise).toBe(false);
    expect(sent).toHaveLength(sql.length);
    expect(sent).toBe(
      '-- ü🐘\r\n     \r\n;CREATE TABLE t ();\n      ;\n                 ; SELECT 1;    ;',
    );
  });

  it.each([
    'DO $$ BEGIN PERFORM 1; END $$;',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;',
    "SELECT CASE WHEN true THEN 'BEGIN; COMMIT;' END; -- COMMIT;\n/* BEGIN; */",
  ])('is left alone where BEGIN is something else: %s', async (sql) => {
    expect(await execute(sql)).toEqual({ sql, source: sql, isStepwise: false });
  });

  it.each([
    'CREATE INDEX\n/* now */ CONCURRENTLY i ON t (x)',
    'VACUUM t',
    'ALTER TABLE p DETACH PARTITION q CONCURRENTLY',
    'DROP INDEX CONCURRENTLY i',
    'REINDEX TABLE CONCURRENTLY t',
    'ALTER SYSTEM SET work_mem = 1',
    'CREATE DATABASE d',
  ])('runs part by part because of %s', async (sql) => {
    const execution = await execute(`SELECT 1;\n${sql};`);
    expect(execution).toMatchObject({ isStepwise: true, forcedBy: { sql, line: 2 } });
    expect(await execute(`SELECT 1;\n${sql};`, ours)).toMatchObject({ isStepwise: false });
  });

  it('does so without a word when its tool has a mark for it', async () => {
    const execution = await execute('VACUUM t', {}, { noTransaction: true });
    expect(execution.isStepwise).toBe(true);
    expect(execution).not.toHaveProperty('forcedBy');
  });
});

it.each([
  ['SELECT 1;\n\\connect other', 'MIGRATION.PSQL', 'line 2: \\connect'],
  ['\\restrict x1\nSELECT 1;', 'MIGRATION.PSQL', 'line 1: \\restrict'],
  ['SELECT 1 \\gset', 'MIGRATION.PSQL', 'line 1: \\gset'],
  ['SELECT 1;\n\\i other.sql', 'MIGRATION.PSQL', 'line 2: \\i'],
  ['SELECT 1;\n\\copy t from x', 'MIGRATION.PSQL', 'line 2: \\copy'],
  ['SELECT 1;\nCOPY t FROM stdin;\n1\tone; two\n\\.\nSELECT 2;', 'MIGRATION.COPY', 'line 2'],
  ['COPY t FROM STDIN;', 'MIGRATION.COPY', 'line 1'],
  ['SELECT 1;\nROLLBACK;', 'MIGRATION.TRANSACTION_CONTROL', 'line 2'],
  ['SELECT 1;\nSAVEPOINT s;\nCOMMIT;', 'MIGRATION.TRANSACTION_CONTROL', 'line 2'],
  ['DISCARD ALL;', 'MIGRATION.DISCARD', 'line 1'],
])('%j is refused, with its line, in every format', async (sql, code, place) => {
  for (const format of [{}, ours]) {
    const error: unknown = await execute(sql, format).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, exitCode: 2 });
    expect(String(error)).toContain(place);
  }
});

it.each(['BEGIN; SELECT 1; COMMIT;', 'SELECT 1; COMMIT;'])(
  '%s is refused in a file that was written for dbops',
  async (sql) => {
    await expect(execute(sql, ours)).rejects.toMatchObject({
      code: 'MIGRATION.TRANSACTION_CONTROL',
    });
  },
);

it.each(["SELECT E'\\n', 'a\\b'; -- \\connect", 'SELECT $$\\i x$$', 'COMMIT TO NOTHING'])(
  'of %s the server decides',
  async (sql) => {
    expect(await execute(sql)).toMatchObject({ sql, isStepwise: false });
  },
);

it.each([
  ['SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
  ['BEGIN; SELECT 1; SELECT 2; COMMIT; SELECT 3', ['SELECT 1; SELECT 2', 'SELECT 3']],
  ['SELECT 1; BEGIN; SELECT 2', ['SELECT 1', 'SELECT 2']],
  ['BEGIN; COMMIT; COMMIT; SELECT 1', ['SELECT 1']],
])('%s is cut into %j', async (sql, expected) => {
  const parts = await splitParts(sql);
  expect(parts.map((part) => part.sql)).toEqual(expected);
  for (const part of parts) expect(sql.slice(part.offset).startsWith(part.sql)).toBe(true);
});
