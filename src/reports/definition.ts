import type { Chart } from '../chart.ts';
import type { ExitCode } from '../errors.ts';
import type { Block, Column } from '../report.ts';
import type { Period } from './period.ts';

/** The options of every report, besides its own filters. */
export interface ReportRequest {
  /** The instant that the report describes. */
  asOf: Date;
}

/** A row of figures, by the keys of columns. */
export type FigureRow = Record<
  string,
  string | number | bigint | boolean | null | undefined | Date
>;

/** The figures of a report, before they become text, CSV or JSON. */
export interface Figures {
  title: string;
  /** The title with its period, printed above the table. */
  heading: string;
  period: Period;
  columns: Column[];
  /** May have more keys than the columns show; JSON has all of them. */
  rows: FigureRow[];
  totals: FigureRow;
  /** The definitions of columns and states, one a line; printed with `--explain` only. */
  legend: string[];
  /** Remarks about this result, such as rows that were not counted. */
  notes: string[];
  /** Printed below the table: the totals in words. */
  summary: Block[];
  chart?: Chart | undefined;
  /** Default: 0. */
  exitCode?: ExitCode;
}
