import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { paintFor } from '../../src/output/paint.ts';
import { renderTable } from '../../src/output/table.ts';
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
  return renderTable(content, paintFor({ color }), width).split('\n');
}

const widest = (lines: string[]) => Math.max(...lines.map((line) => stringWidth(line)));

describe('a table', () => {
  it('lines its columns up, without borders', () => {
    const rows = [
      { name: 'Acme', state: 'ok', used: 1_234_567n },
      { name: '日本語 👩‍👩‍👧', state: 'over', used: 5 },
    ];
    expect(render(table(rows, { title: 'Usage', notes: ['a note'] }))).toEqual([
      'Usage',
      'organization  state       used',
      'Acme          ok     1,234,567',
      '日本語 👩‍👩‍👧     over           5',
      'a note',
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
      const letters = (text: string) => text.replaceAll(/\s|over|1$/gm, '');
      expect(letters(lines.slice(1).join('\n'))).toBe(letters(name));
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
