import { copyOut } from '../../db/copy-out.ts';
import { readAllRows } from '../../db/row-security.ts';
import { toUserPath } from '../../db/search-path.ts';
import { codeOf } from '../../db/connection-error.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { QueryTimeout } from '../../declared/rows.ts';
import type { QueryData } from '../../documents.ts';
import { csvCell } from '../../output/csv.ts';
import { csvRows } from '../../output/csv-rows.ts';
import { exitCodes } from '../../errors.ts';
import type { Report } from '../../report.ts';
import { headOf, ReaderGone, truncatedLine, type RunningReport } from './run.ts';

/** Prints the rows as CSV while the server sends them. */
export async function printCsv(run: RunningReport): Promise<Report<QueryData>> {
  const { context, session, query, timeout, options, columns } = run;
  const { stdout } = context.io;
  const { limit } = options;
  const rows = csvRows(columns.map(({ isNumber }) => isNumber));
  rows.append(`${columns.map(({ label }) => csvCell(label)).join(',')}\r\n`);
  let count = 0;
  const print = async (all: boolean) => {
    for (const piece of rows.take(all)) {
      if (stdout.writeBytes) stdout.writeBytes(piece);
      else stdout.write(piece.toString());
    }
    if ((await stdout.flow?.()) !== false) return;
    // The server would send the rest.
    session.abandon();
    throw new ReaderGone();
  };
  const isLimited = limit !== Infinity;
  const select = isLimited
    ? `SELECT * FROM (\n${query.sql}\n) AS report LIMIT ${limit + 1}`
    : query.sql;
  await session.script(`${toUserPath}; ${readAllRows}; SET LOCAL statement_timeout = ${timeout}`);
  const started = Date.now();
  try {
    await copyOut(session, {
      sql: `COPY (\n${select}\n) TO STDOUT WITH (FORMAT csv)`,
      onRow(bytes, start, end) {
        if (count++ < limit) rows.row(bytes, start, end);
      },
      onPiece: () => print(false),
    });
    await print(true);
  } catch (error) {
    if (codeOf(error) === sqlstate.queryCanceled && Date.now() - started >= timeout - 50)
      throw new QueryTimeout();
    throw error;
  }
  const isTruncated = count > limit;
  if (isTruncated) context.note(truncatedLine(limit));
  return {
    exitCode: exitCodes.done,
    data: { ...headOf(run), rows: [], truncated: isTruncated },
    blocks: [],
    isPrinted: true,
  };
}
