export type Tone = 'good' | 'warn' | 'bad' | 'dim';

/** A chart of a report, for a page: its numbers are for drawing, the exact figures are in the table. */
export type Chart = BarsChart | LineChart;

export interface BarsChart {
  kind: 'bars';
  title: string;
  /** Behind the numbers of the axis. */
  unit: string;
  bars: { label: string; value: number; text: string; tone?: Tone }[];
  /** A line across the bars, such as a limit. */
  mark?: number;
}

export interface LineChart {
  kind: 'line';
  title: string;
  /** The times are ISO 8601. */
  series: { name: string; points: [time: string, value: number][] }[];
}

/** Bars that a page has room for. */
export const mostBars = 40;

/**
 * Returns bars of percentages, the highest first, with a line at 100; undefined without a percentage.
 *
 * @param describe is called with the rows that are drawn
 */
export function percentBars<Row extends { percent: string | null }>(
  title: string,
  rows: readonly Row[],
  describe: (row: Row) => { label: string; tone?: Tone | undefined },
): BarsChart | undefined {
  const bars = rows
    .filter(({ percent }) => percent !== null)
    .map((row) => ({ row, value: Number(row.percent) }))
    .toSorted((a, b) => b.value - a.value)
    .slice(0, mostBars)
    .map(({ row, value }) => {
      const { label, tone } = describe(row);
      return { label, value, text: `${row.percent} %`, ...(tone && { tone }) };
    });
  return bars.length > 0 ? { kind: 'bars', title, unit: ' %', bars, mark: 100 } : undefined;
}
