import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../src/db/quote.ts';
import { shellWord } from '../../src/output/shell.ts';
import { indentedLines, oneLine, stripControls } from '../../src/output/sanitise.ts';
import { errorToText, toText } from '../../src/output/text.ts';
import { DbopsError } from '../../src/errors.ts';
import { runShell } from '../cli/run-cli.ts';
import { newest, targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { withProject } from '../migrate/project.ts';

/** Texts with every character that is not printed, and those of quotes. */
const character = fc.constantFrom(
  ...'ab "\'\\$\n\t\r\u0001\u001b\u007f\u0085\u009b\u202e\u200f'.split(''),
  '\u001b[31m',
  '\r\n',
);
const name = fc.string({ unit: character, minLength: 1, maxLength: 12 });

const printers = [stripControls, indentedLines, oneLine];
const escapes = (text: string) => (text.endsWith(' ') ? text : `${text} `);

describe.each(targets.slice(0, 1))('SQL that is printed, on $name', (target) => {
  it('names the same object and holds the same string after it is pasted', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        await fc.assert(
          fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 3 }), async (names) => {
            const body = names.join('').replaceAll('$q$', '');
            const sql = `SELECT ${names
              .flatMap((each) => [quoteLiteral(each), quoteLiteral(each)])
              .map((each, at) => `${escapes(each)}AS ${quoteIdentifier(`${names[at >> 1]}${at}`)}`)
              .join(', ')}, $q$${body}$q$ AS body`;
            const [expected] = await session.query(sql);
            for (const print of printers) {
              const printed = print(`To see it: ${sql}`).slice('To see it: '.length);
              expect(await session.query(printed)).toEqual([expected]);
            }
          }),
          { numRuns: 200 },
        );
      }),
    ));

  it('drops the table that was meant, after verify has found it', () =>
    withProject(target, { '0001_t.up.sql': 'CREATE TABLE t (id int);' }, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query('CREATE TABLE "t\u0001" (id int)');
      const { stdout, exitCode } = await project.dbops('verify');
      expect(exitCode).toBe(4);
      expect(stdout).not.toMatch(/DROP TABLE (?:"?public"?\.)?"?t"?\s*(?:;|$)/m);
      for (const [sql = ''] of stdout.matchAll(/DROP TABLE [^;\n]*/g)) await project.query(sql);
      expect(await project.query(`SELECT FROM pg_class WHERE relname = 't'`)).toHaveLength(1);
    }));
});

describe('SQL on a terminal', () => {
  it('is not broken within a name or a string', () => {
    const sql = `UPDATE "a table  with a long name" SET x = 'a value  of many words' WHERE "the key" = 'some other value'`;
    for (let width = 20; width < 120; width++) {
      const error = new DbopsError({ code: 'X', exitCode: 1, message: 'x', hint: `Run: ${sql};` });
      const text = errorToText(error, { color: false, width }, false);
      for (const part of sql.match(/"[^"]*"|'[^']*'/g) ?? []) expect(text).toContain(part);
    }
  });

  it('keeps the line endings of a function', async () => {
    const text = 'CREATE FUNCTION f() AS $$\r\nSELECT 1;\r\n$$';
    expect(await toText([{ kind: 'code', text }], { color: false })).toBe(`${text}\n`);
  });
});

describe.runIf(newest[0])('a word of a command line', () => {
  it('is the same word for the shell, whatever it contains', async () => {
    const words = ['plain', "it's", 'a\u0001b', 'a\nb', String.raw`a\b`, '\u001b[31m$x`y`'];
    const line = stripControls(`printf '%s|' ${words.map(shellWord).join(' ')}`);
    expect((await runShell(line)).stdout).toBe(`${words.join('|')}|`);
  });
});
