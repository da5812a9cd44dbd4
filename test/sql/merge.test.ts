import { describe, expect, it } from 'vitest';
import { edited, mergeable } from '../../src/sql/merge.ts';

const merged = async (sql: string) => edited(sql, (await mergeable(sql)).edits);

describe('mergeable', () => {
  it.each([
    ['ends with a semicolon', 'SELECT 1', 'SELECT 1;'],
    ['ends it before a comment', "SELECT 'a;' -- b;", "SELECT 'a;'; -- b;"],
    ['keeps a file without statements', '-- nothing', '-- nothing'],
    [
      'leaves out CONCURRENTLY',
      'CREATE INDEX CONCURRENTLY a ON b (c);',
      'CREATE INDEX a ON b (c);',
    ],
    [
      'keeps a name with that word',
      'DROP INDEX concurrently "concurrently"; -- concurrently',
      'DROP INDEX "concurrently"; -- concurrently',
    ],
    [
      'leaves out a transaction of its own',
      'BEGIN;\nSELECT 1;\nCOMMIT;',
      '/* BEGIN */;\nSELECT 1;\n/* COMMIT */;',
    ],
    ['leaves out VACUUM', '/* a */ VACUUM b;', '/* a */ /* VACUUM b */;'],
    [
      'makes directives plain comments',
      '-- a\n-- dbops: no-transaction\n\nSELECT 1; -- dbops: no',
      '-- a\n-- formerly dbops: no-transaction\n\nSELECT 1; -- dbops: no',
    ],
    ['keeps what the grammar rejects', 'SELECT :NAME', 'SELECT :NAME;'],
  ])('%s', async (_, sql, expected) => {
    expect(await merged(sql)).toBe(expected);
  });

  it('resets each setting once', async () => {
    const sql = `SET ROLE a; SET LOCAL b.c = 1; SET b.c = 2; RESET d; SET TIME ZONE 'UTC';
      SELECT pg_catalog.set_config('search_path', '', false);`;
    const { resets } = await mergeable(sql);
    expect(resets).toEqual(
      ['role', 'b.c', 'timezone', 'search_path'].map((name) => `RESET ${name};`),
    );
  });

  it('finds statements that change rows, with their lines', async () => {
    const sql =
      '-- a\nCREATE TABLE b (id int);\n-- c\nINSERT INTO b VALUES (1);\nUPDATE b SET id = 2';
    expect((await mergeable(sql)).data).toEqual([
      { line: 4, sql: 'INSERT INTO b VALUES (1)' },
      { line: 5, sql: 'UPDATE b SET id = 2' },
    ]);
  });

  it('finds a statement with an effect that needs its own transaction', async () => {
    expect(
      (await mergeable("SELECT 1;\nALTER SYSTEM SET work_mem = '4MB';")).obstacle,
    ).toMatchObject({
      line: 2,
    });
  });
});
