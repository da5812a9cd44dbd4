import { mostBars, type Chart } from '../../chart.ts';
import type { Row } from '../../report.ts';
import type { ResultColumn } from './columns.ts';

/** Lines of one chart that a reader can distinguish. */
const mostSeries = 4;

/**
 * Returns a line for each number over a column of times, or a bar for each row of a name and a number; undefined
 * for any other result.
 */
export function chartOf(columns: readonly ResultColumn[], rows: readonly Row[]): Chart | undefined {
  const numbers = columns.filter(({ isNumber }) => isNumber);
  const [first] = columns;
  if (!first || numbers.length === 0 || rows.length < 2) return undefined;
  if (/^(?:date|timestamp)/.test(first.type)) return linesOf(first, numbers, rows);
  const [number, another] = numbers;
  if (!number || another || first.isNumber || rows.length > mostBars) return undefined;
  const bars = rows.flatMap((row) => {
    const value = numberOf(row[number.key]);
    const label = String(row[first.key] ?? '–');
    return value === undefined ? [] : [{ label, value, text: String(row[number.key]) }];
  });
  return bars.length > 1
    ? { kind: 'bars', title: `${number.label} by ${first.label}`, unit: '', bars }
    : undefined;
}

function linesOf(
  time: ResultColumn,
  numbers: readonly ResultColumn[],
  rows: readonly Row[],
): Chart {
  const series = numbers.slice(0, mostSeries).map(({ key, label }) => ({
    name: label,
    points: rows.flatMap((row): [string, number][] => {
      const value = numberOf(row[key]);
      const at = row[time.key];
      return value === undefined || typeof at !== 'string' ? [] : [[utcOf(at), value]];
    }),
  }));
  const names = series.map(({ name }) => name).join(', ');
  return { kind: 'line', title: `${names} by ${time.label}`, series };
}

/** Returns a date or time of the report, which runs in UTC, as ISO 8601; others, such as `infinity`, as they are. */
function utcOf(time: string): string {
  return time
    .replace(/^(\d{4}-\d\d-\d\d)$/, '$1 00:00:00')
    .replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:[\d.]+)(?:\+00)?$/, '$1T$2Z');
}

function numberOf(value: Row[string]): number | undefined {
  const number = typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}
