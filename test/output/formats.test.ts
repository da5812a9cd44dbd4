import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toCsv } from '../../src/output/csv.ts';
import { formatDuration, parseDuration } from '../../src/output/duration.ts';
import { toJson } from '../../src/output/json.ts';
import { screenOf } from '../../src/output/terminal.ts';
import type { Cell } from '../../src/report.ts';

describe('CSV', () => {
  const csv = (...values: Cell[]) =>
    toCsv({
      kind: 'table',
      columns: values.map((_, at) => ({ key: `c${at}`, label: `Column ${at}` })),
      rows: [Object.fromEntries(values.map((value, at) => [`c${at}`, value]))],
    }).split('\r\n')[1];

  it('has a head of keys, and every line ends with CRLF', () => {
    const columns = [{ key: 'used', label: 'Used', format: () => 'for people' }];
    expect(toCsv({ kind: 'table', columns, rows: [{ used: 1 }, { used: 2n }] })).toBe(
      'used\r\n1\r\n2\r\n',
    );
  });

  it.each<[Cell, string]>([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    [null, ''],
    [undefined, ''],
    [true, 'true'],
    [-12, '-12'],
    ['-12.50', '-12.50'],
    ['+4', '+4'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [['a', 'b'], '"[""a"",""b""]"'],
  ])('writes %j as %s', (value, cell) => {
    expect(csv(value)).toBe(cell);
  });

  it('writes all digits of a large integer', () => {
    expect(csv(9007199254740993n)).toBe('9007199254740993');
  });

  it.each(['=1+1', '+1+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("x","y")', '-cmd'])(
    'gives a spreadsheet no formula: %j',
    (value) => {
      expect(csv(value)).toMatch(/^"?'/);
    },
  );

  it('gives a terminal nothing to obey', () => {
    expect(csv('a\u001b[31mb\u009b\u202ec')).toBe('abc');
    expect(csv({ a: '\u009b' })).toContain(String.raw`\u009b`);
    expect(csv({ a: '\u009b' })).not.toContain('\u009b');
  });

  it('reads back as RFC 4180 has it', () => {
    const letters = fc.constantFrom('a', 'ß', '日', '"', ',', '\n', ' ', "'");
    const cells = fc.array(fc.string({ unit: letters }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(cells, (values) => {
        const text = toCsv({
          kind: 'table',
          columns: values.map((_, at) => ({ key: String(at), label: '' })),
          rows: [Object.fromEntries(values.entries())],
        });
        expect(readCsv(text)).toEqual([[...values.keys()].map(String), values]);
      }),
    );
  });
});

/** A reader after the grammar of RFC 4180. */
function readCsv(text: string): string[][] {
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  const rows: string[][] = [[]];
  for (const [, raw = '', end] of text.matchAll(field)) {
    rows.at(-1)?.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['250', 250],
    ['0', 0],
    [' 2s ', 2_000],
  ])('%j are %i milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', 's', '-1s', '2 s', '1d', '1e3', '2S', 'soon', '1s2', '٣s', 'Infinity'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0 ms'],
    [340, '340 ms'],
    [999.6, '1.0 s'],
    [2_100, '2.1 s'],
    [59_949, '59.9 s'],
    [59_960, '1 min 0 s'],
    [200_000, '3 min 20 s'],
    [3_599_600, '60 min 0 s'],
  ])('%d milliseconds are written %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('are written so that they are right to the digits that are shown', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (milliseconds) => {
        const parts = formatDuration(milliseconds).matchAll(/([\d.]+) (ms|s|min)/g);
        const sum = [...parts].reduce(
          (total, [, amount, unit]) =>
            total + (parseDuration(`${amount}${unit === 'min' ? 'm' : unit}`) ?? Number.NaN),
          0,
        );
        const shown = milliseconds < 999.5 ? 1 : milliseconds < 59_950 ? 100 : 1_000;
        expect(Math.abs(sum - milliseconds)).toBeLessThanOrEqual(shown / 2 + 1e-6);
      }),
    );
  });
});

describe('JSON', () => {
  it('writes integers with all their digits and times in UTC', () => {
    expect(
      toJson({ at: new Date(0), big: 2n ** 63n, none: null, gone: undefined, list: [-1n] }),
    ).toBe(
      `{
  "at": "1970-01-01T00:00:00.000Z",
  "big": 9223372036854775808,
  "none": null,
  "list": [
    -1
  ]
}`,
    );
  });
});

describe('screenOf', () => {
  const terminal = { isTTY: true, columns: 100, write: () => {} };
  const pipe = { write: () => {} };

  it('is as wide as the terminal, and a pipe has no width', () => {
    expect(screenOf(terminal, {}).width).toBe(100);
    expect(screenOf({ ...terminal, columns: undefined }, {}).width).toBe(80);
    expect(screenOf(pipe, {}).width).toBeUndefined();
  });

  it.each([
    [terminal, {}, true],
    [pipe, {}, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [terminal, { TERM: 'dumb' }, false],
    [pipe, { FORCE_COLOR: '1' }, true],
    [pipe, { FORCE_COLOR: '3', NO_COLOR: '1', TERM: 'dumb' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
    [terminal, { FORCE_COLOR: 'false' }, false],
  ])('%j with %j colours: %s', (stream, environment, color) => {
    expect(screenOf(stream, environment).color).toBe(color);
  });
});
