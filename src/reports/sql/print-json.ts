import type { QueryData } from '../../documents.ts';
import { exitCodes } from '../../errors.ts';
import { toJson } from '../../output/json.ts';
import { jsonRows } from '../../output/json-rows.ts';
import type { Report } from '../../report.ts';
import { documentRow } from './columns.ts';
import { copyRows, printPieces } from './copy-rows.ts';
import { openJson } from './open-json.ts';
import { headOf, type OpenDocument, type RunningReport } from './run.ts';

/**
 * Prints the rows as one JSON document while the server sends them. The embedded engine returns the whole result
 * of a COPY at once and has no timers, so it is read by a cursor instead.
 */
export async function printJson(
  run: RunningReport,
  opened: OpenDocument,
): Promise<Report<QueryData>> {
  const { stdout } = run.context.io;
  const rows = jsonRows(
    run.columns.map(({ key, kind, valueOf }) => ({
      key: toJson(key),
      kind,
      toJson: (text) => toJson(valueOf(text), 0),
    })),
  );
  const { head, tail } = openJson(run, opened, () => printPieces(stdout, rows.take(true)));
  stdout.write(head);
  const isTruncated = await copyRows(run, 'text', rows);
  stdout.write(tail(isTruncated));
  return {
    exitCode: exitCodes.done,
    data: { ...headOf(run), rows: [], truncated: isTruncated },
    blocks: [],
    isPrinted: true,
  };
}

/** Returns whether an object of JSON has its keys in another order than the columns: those that are numbers come first. */
export function isReordered({ columns }: Pick<RunningReport, 'columns'>): boolean {
  const keys = Object.keys(documentRow(columns, []));
  return columns.some(({ key }, at) => key !== keys[at]);
}
