import { describe, expect, it } from 'vitest';
import { toHtml } from '../../src/output/html/page.ts';
import type { Table } from '../../src/report.ts';

const hostile = `<script>alert("1")</script> & 'x'\u0007\u202E`;

const table: Table = {
  kind: 'table',
  title: hostile,
  columns: [
    { key: 'name', label: hostile },
    { key: 'used', label: 'used', align: 'right', tone: () => 'bad' },
  ],
  rows: [{ name: hostile, used: 12n }],
  notes: [hostile],
  chart: {
    kind: 'bars',
    title: hostile,
    unit: ' %',
    bars: [{ label: hostile, value: 112, text: '112.0 %', tone: 'bad' }],
    mark: 100,
  },
};

describe('a page of a report', () => {
  const page = toHtml({ blocks: [table, { kind: 'text', text: hostile }] }, hostile);

  it('shows hostile text as text, in the table, the chart, the title and the notes', () => {
    for (const part of ['<script', '\u0007', '\u202E']) expect(page).not.toContain(part);
    expect(page.match(/&lt;script/g)?.length).toBeGreaterThanOrEqual(7);
  });

  it('needs no script, and loads nothing', () => {
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/(?:src|href)=|url\(|@import/);
  });

  it('draws in the colors of its style, which follow the color scheme of the reader', () => {
    expect(page).toContain('fill="var(--bad)"');
    expect(page).not.toMatch(/#0102/);
    expect(page).toContain('light-dark(');
  });

  it('has every value of the table', () => {
    expect(page).toContain('<td class="right bad">12</td>');
  });
});
