import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { percentBars, type Chart } from '../../src/chart.ts';
import { toHtml } from '../../src/output/html/page.ts';
import { chartOf } from '../../src/reports/sql/chart.ts';

const times = [
  { type: 'date', first: '2026-11-05', second: '2026-11-06', between: '12:00' },
  {
    type: 'timestamp',
    first: '2026-11-05 10:00:00',
    second: '2026-11-05 12:00:00',
    between: '11:00',
  },
  {
    type: 'timestamp with time zone',
    first: '2026-11-05 10:00:00+00',
    second: '2026-11-05 12:00:00.5+00',
    between: '11:00',
  },
];

describe('a report as a page', () => {
  const warnings = vi.spyOn(console, 'warn');
  const errors = vi.spyOn(console, 'error');
  beforeEach(() => vi.stubEnv('TZ', 'America/New_York'));
  afterEach(() => vi.unstubAllEnvs());

  it.each(times)('draws a line over a $type in UTC', ({ type, first, second, between }) => {
    const rows = [
      { t: first, n: '1' },
      { t: second, n: '3' },
    ];
    const chart = chartOf(
      [
        { key: 't', label: 't', type, isNumber: false, kind: 'text' as const, valueOf: String },
        {
          key: 'n',
          label: 'n',
          type: 'bigint',
          isNumber: true,
          kind: 'text' as const,
          valueOf: String,
        },
      ],
      rows,
    );
    const page = pageOf(chart);
    expect(page).toMatch(/<path d="M[\d.]+ [\d.]+L[\d.]+ [\d.]+"[^>]*stroke="var\(--good\)"/);
    expect(page).toContain(`>${between}<`);
  });

  it('draws percentages as bars with their labels, without a script or anything to load', () => {
    const row = { label: 'Home <b>tokens</b>', percent: '125.0', tone: 'bad' as const };
    const chart = percentBars('Used', [row], (each) => each);
    const page = pageOf(chart);
    expect(page).toContain('>125.0 %<');
    expect(page).toContain('Home &lt;b&gt;tokens&lt;/b&gt;');
    expect(page).toContain('color-scheme: light dark');
    expect(page).toContain('@media print');
    expect(page).not.toMatch(/rgba|#0102|<script|<link|<img|\bsrc=|url\(/);
  });

  it('prints no warning of the library', () => {
    pageOf(percentBars('Used', [{ percent: '1.0' }], () => ({ label: 'Home' })));
    expect([...warnings.mock.calls, ...errors.mock.calls]).toEqual([]);
  });
});

function pageOf(chart: Chart | undefined): string {
  const columns = [{ key: 'n', label: 'n' }];
  const rows = [{ n: '1' }];
  const table = { kind: 'table' as const, title: 'Calls', columns, rows, ...(chart && { chart }) };
  return toHtml({ blocks: [table] }, 'now');
}
