import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { formatCount } from '../../src/output/number.ts';
import { paintFor } from '../../src/output/paint.ts';
import { renderTable } from '../../src/output/table.ts';
import { toText } from '../../src/output/text.ts';
import type { Column, Row, Table } from '../../src/report.ts';

const columns: Column[] = [
  { key: 'name', label: 'organization' },
  { key: 'state', label: 'state', tone: (state) => (state === 'over' ? 'bad' : 'good') },
  { key: 'used', label: 'used', align: 'right' },
];

const table = (rows: Row[], more: Partial<Table> = {}): Table => ({
  kind: 'table',
  columns,
  rows,
  ...more,
});

function render(content: Table, width?: number, color = false): string[] {
  return renderTable(content, paintFor({ color }), { width, measure: stringWidth }).split('\n');
}

const widest = (lines: string[]) => Math.max(...lines.map((line) => stringWidth(line)));

describe('a table', () => {
  it('lines its columns up, without borders', () => {
    const rows = [
      { name: 'Acme', state: 'ok', used: 1_234_567n },
      { name: '日本語 👩‍👩‍👧', state: 'over', used: 5 },
    ];
    expect(render(table(rows, { title: 'Usage' }))).toEqual([
      'Usage',
      'organization  state       used',
      'Acme          ok     1,234,567',
      '日本語 👩‍👩‍👧     over           5',
    ]);
  });

  it('aligns every letter and sign as an exact measure would', async () => {
    const misaligned: string[] = [];
    for (let code = 0x20; code < 0x3000; code++) {
      const rows = [{ name: String.fromCodePoint(code).repeat(20), state: 'ok', used: 1 }];
      const lines = (await toText([table(rows)], { color: false })).trimEnd().split('\n');
      if (new Set(lines.map((line) => stringWidth(line))).size > 1)
        misaligned.push(`U+${code.toString(16)}`);
    }
    expect(misaligned).toEqual([]);
  });

  it('writes numbers with separators as Intl does', () => {
    const intl = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
    const number = fc.oneof(fc.double({ min: -1e15, max: 1e15, noNaN: true }), fc.bigInt());
    fc.assert(
      fc.property(number, (value) => {
        expect(formatCount(value)).toBe(intl.format(value).replace(/^-0$/, '0'));
      }),
    );
    expect(['-0.4', '0.5', '-2.5', '999.5'].map((text) => formatCount(Number(text)))).toEqual([
      '0',
      '1',
      '-3',
      '1,000',
    ]);
  });

  it('says that it has no rows', () => {
    expect(render(table([], { title: 'Usage' }))).toEqual(['Usage', '(no rows)']);
  });

  it.each(['日本語の長い組織名', '👩‍👩‍👧👍🏽🇩🇪', 'Straße ohne Ende ', 'https://example.com/?'])(
    'fits 80 columns with names like %s, and loses none of them',
    (unit) => {
      const name = unit.repeat(12).trim();
      const lines = render(table([{ name, state: 'over', used: 1 }]), 80);
      expect(widest(lines)).toBeLessThanOrEqual(80);
      const letters = (text: string) => text.replaceAll(/\s/g, '');
      const labels = /organization|state|used|over|1$/g;
      expect(letters(lines.map((line) => line.replaceAll(labels, '')).join(''))).toBe(
        letters(name),
      );
    },
  );

  it('fits a terminal of 40 columns or more, whatever is in it', () => {
    const letter = fc.constantFrom('a', 'i', ' ', '\n', 'ß', '日', '한', '👍🏽', '👩‍👩‍👧', 'é');
    const cell = fc.string({ unit: letter, maxLength: 60 });
    const row = fc.record({ name: cell, state: cell, used: fc.maxSafeInteger() });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 4 }),
        fc.integer({ min: 40, max: 120 }),
        (rows, width) => {
          expect(widest(render(table(rows), width))).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 60 },
    );
  });

  const credits: Column[] = [
    { key: 'email', label: 'user' },
    { key: 'type', label: 'type' },
    { key: 'granted', label: 'granted', align: 'right' },
    { key: 'reset', label: 'next reset' },
    { key: 'note', label: 'what it means' },
  ];
  const credit: Row = {
    email: 'somebody.with.a.long.address@example.com',
    type: 'purchased_generation_credits',
    granted: 1_200_000,
    reset: '2026-12-01T00:00:00Z',
    note: 'the balance is stale',
  };

  it('shrinks prose before identifiers, and cuts no word', () => {
    const prose: Column[] = [
      { key: 'id', label: 'migration' },
      { key: 'text', label: 'what it does' },
    ];
    const id = '20260101000000_add_the_organization_to_all_purchases';
    const text = 'adds a column, fills it in batches and then enforces that it has a value';
    const lines = render({ kind: 'table', columns: prose, rows: [{ id, text }] }, 80);
    expect(widest(lines)).toBeLessThanOrEqual(80);
    expect(lines[1]).toContain(id);
    expect(lines.slice(1).join(' ').replace(id, '').split(/\s+/).filter(Boolean)).toEqual(
      text.split(' '),
    );
  });

  it('turns into blocks where its words do not fit', () => {
    const lines = render({ kind: 'table', columns: credits, rows: [credit, credit] }, 80);
    expect(lines.slice(0, 6)).toEqual([
      'user           somebody.with.a.long.address@example.com',
      'type           purchased_generation_credits',
      'granted        1,200,000',
      'next reset     2026-12-01T00:00:00Z',
      'what it means  the balance is stale',
      '',
    ]);
  });

  it('keeps every word whole at 80 columns', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'ß', '_', '.'),
      minLength: 1,
      maxLength: 30,
    });
    const cell = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' '));
    const row = fc.record({ email: cell, type: cell, granted: fc.nat(), reset: cell, note: cell });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 3 }), (rows) => {
        const lines = render({ kind: 'table', columns: credits, rows }, 80);
        expect(widest(lines)).toBeLessThanOrEqual(80);
        const shown = new Set(lines.flatMap((line) => line.split(/\s+/)));
        for (const each of rows)
          for (const text of [each.email, each.type, each.reset, each.note])
            for (const part of text.split(' ')) expect(shown).toContain(part);
      }),
      { numRuns: 60 },
    );
  });

  it('has its definitions only where they are asked for', () => {
    const content = table([{ name: 'Acme', state: 'ok', used: 1 }], {
      notes: ['used: calls of the month'],
    });
    expect(render(content).join('\n')).not.toContain('calls of the month');
    const screen = { explain: true, measure: stringWidth };
    const explained = renderTable(content, paintFor({ color: false }), screen);
    expect(explained.split('\n').at(-1)).toBe('used: calls of the month');
  });

  it('takes the room that it needs in a pipe', () => {
    const name = 'a long name '.repeat(20).trim();
    expect(render(table([{ name, state: 'ok', used: 1 }]))).toHaveLength(2);
  });

  it('holds tabs in their column', () => {
    const lines = render(table([{ name: 'a\tb', state: 'ok', used: 1 }]), 80);
    expect(lines[1]).toMatch(/^a b {11}ok/);
  });

  it('colours cells by their tone, and only where colour is wanted', () => {
    const content = table([{ name: 'Acme', state: 'over', used: 5 }]);
    expect(render(content, 80, true).join('\n')).toContain('\u001b[31mover\u001b[39m');
    // oxlint-disable-next-line no-control-regex -- the control is what is looked for
    expect(render(content, 80).join('\n')).not.toMatch(/\u001b/);
  });
});
