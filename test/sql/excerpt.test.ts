import fc from 'fast-check';
import { expect, it } from 'vitest';
import { excerpt } from '../../src/sql/error-position.ts';

it('shows the line with a caret below the place', () => {
  const sql = 'SELECT 1;\nSELECT 2 FORM t;\nSELECT 3;';
  expect(excerpt(sql, sql.indexOf('FORM'))).toEqual(['2 | SELECT 2 FORM t;', '             ^']);
});

it('keeps the caret in place behind tabs', () => {
  expect(excerpt('\t\tSELECT x;', 9)).toEqual(['1 |   SELECT x;', '             ^']);
});

it('cuts a long line around the place', () => {
  const sql = `INSERT INTO t VALUES (${'1, '.repeat(200)}oops, ${'2, '.repeat(200)}3)`;
  const [line = '', caret = ''] = excerpt(sql, sql.indexOf('oops'));
  expect(line.length).toBeLessThanOrEqual(110);
  expect(line.slice(caret.indexOf('^')).startsWith('oops')).toBe(true);
});

it('points at the place wherever it is, in one line', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', ' ', '\n', 'x'.repeat(80)))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.nat(2_000), (sql, at) => {
      const offset = Math.min(at, sql.length);
      const [line = '', caret = '', ...more] = excerpt(sql, offset);
      expect(more).toEqual([]);
      expect(`${line}${caret}`).not.toContain('\n');
      const there = sql[offset];
      if (there && !/\s/.test(there)) expect(line[caret.indexOf('^')]).toBe(there);
    }),
  );
});
