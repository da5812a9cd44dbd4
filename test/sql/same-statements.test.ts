import { describe, expect, it } from 'vitest';
import { isSameBody } from '../../src/sql/same-statements.ts';

const same = (one: string, other: string) => isSameBody(one, other, 'plpgsql');

describe('two bodies of a function', () => {
  it.each([
    ['BEGIN\n  RETURN 1;\nEND', '\n BEGIN\r\n\tRETURN   1;\nEND '],
    ["BEGIN -- first\n\n  RETURN 'a''  b'; END", "BEGIN -- first  \r\n RETURN 'a''  b'; END"],
    ['SELECT /* a */ 1', ' SELECT\n/* a */\n1'],
    ['SELECT $q$ a  b $q$, "a  b"', 'SELECT $q$ a  b $q$,\n"a  b"'],
  ])('are the same where white space between tokens differs: %j, %j', (one, other) => {
    expect(same(one, other)).toBe(true);
  });

  it.each([
    ["SELECT 'a  b'", "SELECT 'a b'"],
    ['SELECT "a  b"', 'SELECT "a b"'],
    ['SELECT $q$a  b$q$', 'SELECT $q$a b$q$'],
    ['SELECT $$a  b$$', 'SELECT $$a b$$'],
    ['BEGIN -- first\n RETURN 1; END', 'BEGIN -- first RETURN 1; END'],
    [String.raw`SELECT E'\'  a'`, String.raw`SELECT E'\' a'`],
    ['RETURN 1', 'RETURN 2'],
    ['SELECT ab', 'SELECT a b'],
  ])('differ in a literal, a name or a comment: %j, %j', (one, other) => {
    expect(same(one, other)).toBe(false);
  });

  it('differ by any character in another language', () => {
    expect(isSameBody('if x:\n  y', 'if x:\n y', 'plpython3u')).toBe(false);
  });
});
