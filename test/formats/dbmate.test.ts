import { describe, expect, it } from 'vitest';
import { dbmate } from '../../src/formats/dbmate/index.ts';
import type { SqlScript } from '../../src/migration.ts';
import { folderOf } from '../cli/run-cli.ts';

const read = (files: Record<string, string>) => dbmate.read(folderOf(files), Object.keys(files));
const readOne = (text: string) => read({ '1_a.sql': text });
const sqlOf = (script: unknown) => (script as SqlScript | undefined)?.sql;

describe('the format dbmate', () => {
  it('orders by file name as text, as dbmate does', () => {
    const files = ['1_a.sql', '10_b.sql', '2_c.sql'].map((file) => [file, '-- migrate:up\n']);
    const { migrations } = read(Object.fromEntries(files));
    expect(migrations.map(({ name }) => name)).toEqual(['10_b', '1_a', '2_c']);
  });

  it.each([
    ['its marks', { '20260101_a.sql': '-- a comment\n--migrate:up\nSELECT 1;' }, true],
    ['no marks', { '20260101_a.sql': 'SELECT 1;' }, false],
    ['marks in a file without a number', { 'a.sql': '-- migrate:up' }, false],
    ['another mark', { '1_a.sql': '-- migrate:upgrade' }, false],
  ])('is recognized by %s', (_, files: Record<string, string>, expected) => {
    expect(dbmate.matches(folderOf(files), Object.keys(files))).toBe(expected);
  });

  it('keeps line numbers, and the comments above the first mark', () => {
    const { migrations } = readOne(
      '-- dbops: lock-timeout 2s\n\n-- migrate:up\nUP;\n\n-- migrate:down\nDOWN;\n',
    );
    expect(sqlOf(migrations[0]?.up)).toBe('-- dbops: lock-timeout 2s\n\n-- migrate:up\nUP;\n\n');
    expect(sqlOf(migrations[0]?.down)).toBe(
      '-- dbops: lock-timeout 2s\n\n\n\n\n-- migrate:down\nDOWN;\n',
    );
  });

  it('reads the option of each section', () => {
    const { migrations } = readOne(
      '-- migrate:up foo:bar transaction:false\r\nUP;\r\n-- migrate:down transaction:true\r\nDOWN;',
    );
    expect(migrations[0]).toMatchObject({ up: { noTransaction: true } });
    expect(migrations[0]?.down).not.toHaveProperty('noTransaction');
  });

  it('ignores a down section that has only comments', () => {
    const { migrations, findings } = readOne('-- migrate:up\nUP;\n-- migrate:down\n-- later\n');
    expect(migrations[0]?.down).toBeUndefined();
    expect(findings).toEqual([]);
  });

  it.each([
    ['no up section', 'CREATE TABLE a ();'],
    ['statements above the up section', 'SELECT 1;\n-- migrate:up\nUP;\n-- migrate:down\nDOWN;'],
    ['the down section first', '-- migrate:down\nDOWN;\n-- migrate:up\nUP;'],
    ['two pairs', '-- migrate:up\nA;\n-- migrate:down\nB;\n-- migrate:up\nC;\n-- migrate:down\nD;'],
    ['two down sections', '-- migrate:up\nA;\n-- migrate:down\nB;\n-- migrate:down\nC;'],
  ])('reports and refuses to run a file with %s', (_, text) => {
    const { migrations, findings } = readOne(text);
    expect(findings).toMatchObject([
      { code: 'dbmate-section', severity: 'error', where: { object: '1_a', migration: '1_a.sql' } },
    ]);
    expect(() => sqlOf(migrations[0]?.up)).toThrow(/^1_a has|^1_a holds/);
  });

  it('reports a missing down section, which dbmate requires', () => {
    const { migrations, findings } = readOne('-- migrate:up\nUP;');
    expect(findings).toMatchObject([{ code: 'no-down-section', severity: 'warning' }]);
    expect(sqlOf(migrations[0]?.up)).toContain('UP;');
  });
});
