import type { QueryData } from '../../documents.ts';
import { csvCell } from '../../output/csv.ts';
import { csvRows } from '../../output/csv-rows.ts';
import { exitCodes } from '../../errors.ts';
import type { Report } from '../../report.ts';
import { copyRows } from './copy-rows.ts';
import { headOf, truncatedLine, type RunningReport } from './run.ts';

/** Prints the rows as CSV while the server sends them. */
export async function printCsv(run: RunningReport): Promise<Report<QueryData>> {
  const { context, options, columns } = run;
  const rows = csvRows(columns.map(({ isNumber }) => isNumber));
  rows.append(`${columns.map(({ label }) => csvCell(label)).join(',')}\r\n`);
  const isTruncated = await copyRows(run, 'csv', rows);
  if (isTruncated) context.note(truncatedLine(options.limit));
  return {
    exitCode: exitCodes.done,
    data: { ...headOf(run), rows: [], truncated: isTruncated },
    blocks: [],
    isPrinted: true,
  };
}
