import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { errorToText, toText } from '../../src/output/text.ts';
import type { Block } from '../../src/report.ts';

const terminal = { color: false, width: 80 };
const pipe = { color: false };

/** Lines of what a person reads, without their indentation. */
const linesOf = (text: string) => text.trimEnd().split('\n');
const wordsOf = (text: string) => text.split(/\s+/).filter(Boolean);
const longest = (text: string) => Math.max(...linesOf(text).map(({ length }) => length));

const sentence =
  'backfill organization-id: 3,000 of 3,000 rows filled before 0008_tenancy_contract was applied to the database';

describe('a line that is longer than the terminal', () => {
  it('breaks between words, and keeps all of them', async () => {
    const text = await toText([{ kind: 'text', text: `→ ${sentence}` }], terminal);
    expect(longest(text)).toBeLessThanOrEqual(80);
    expect(wordsOf(text)).toEqual(wordsOf(`→ ${sentence}`));
    expect(linesOf(text)[1]).toMatch(/^ {2}\S/);
  });

  it('stays whole in a pipe', async () => {
    expect(await toText([{ kind: 'text', text: sentence }], pipe)).toBe(`${sentence}\n`);
  });

  it('never breaks a command that is there to be pasted', async () => {
    const command = `dbops rescue restore 20260101000000_a_long_name_of_a_migration --overwrite --dry-run`;
    const text = await toText(
      [
        {
          kind: 'text',
          text: `→ The saved rows can be restored after the rollback, with: ${command}`,
        },
      ],
      terminal,
    );
    expect(linesOf(text).map((line) => line.trim())).toContain(command);
  });

  it('never breaks SQL', async () => {
    const sql = `SELECT ${'some_column, '.repeat(10)}1`;
    expect(await toText([{ kind: 'code', text: sql }], terminal)).toBe(`${sql}\n`);
  });

  it('keeps a caret under what it points at', async () => {
    const error = new DbopsError({
      code: 'MIGRATION.FAILED',
      exitCode: 1,
      message: `0003_prices failed, and ${sentence}.`,
      reason: ['migrations/0003.sql:4', `4 | ${'x'.repeat(78)}`, `${' '.repeat(70)}^`],
      hint: `Correct the file ${'and the other file '.repeat(5)}, then: dbops migrate up`,
    });
    const text = errorToText(error, terminal, false);
    const lines = linesOf(text);
    expect(lines).toContain(`  ${' '.repeat(70)}^`);
    expect(lines).toContain(`  4 | ${'x'.repeat(78)}`);
    expect(
      Math.max(...lines.filter((line) => !line.includes('xx')).map((l) => l.length)),
    ).toBeLessThanOrEqual(80);
    expect(lines.at(-1)).toMatch(/ dbops migrate up$/);
  });

  it('breaks a finding between words, with its colours', async () => {
    const finding = {
      code: 'missing-index',
      severity: 'error' as const,
      message: sentence,
      help: sentence,
      key: 'k',
      where: { object: 'o', migration: '0008_tenancy_contract' },
    };
    const blocks: Block[] = [{ kind: 'findings', findings: [finding] }];
    const plain = await toText(blocks, terminal);
    expect(longest(plain)).toBeLessThanOrEqual(80);
    const coloured = stripVTControlCharacters(await toText(blocks, { color: true, width: 80 }));
    expect(coloured).toBe(plain);
  });

  it('fits, whatever its words are, unless one word is wider than the terminal', async () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'ß', '日', '1', '_', '✓'),
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 40 }), async (words) => {
        const text = await toText([{ kind: 'text', text: words.join(' ') }], terminal);
        expect(wordsOf(text)).toEqual(words);
      }),
      { numRuns: 100 },
    );
  });
});
