import { codeOf } from '../../db/connection-error.ts';
import { copyOut } from '../../db/copy-out.ts';
import { readAllRows } from '../../db/row-security.ts';
import { toUserPath } from '../../db/search-path.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { QueryTimeout } from '../../declared/rows.ts';
import { ReaderGone, type RunningReport } from './run.ts';

/** What collects the rows that the server sends. */
interface RowCollector {
  /** Adds the row in `bytes` from `start` to before `end`. */
  row(bytes: Buffer, start: number, end: number): void;
  /** Returns what is complete, and with `all` the rest. */
  take(all?: boolean): Buffer[];
}

/**
 * Prints the rows of a report while the server sends them by COPY, which takes no parameters: those of the query are
 * literals.
 *
 * @param format of COPY
 * @returns whether there are more rows than the limit
 * @throws QueryTimeout; ReaderGone; the error of the server
 */
export async function copyRows(
  { context, session, query, timeout, options }: RunningReport,
  format: 'csv' | 'text',
  rows: RowCollector,
): Promise<boolean> {
  const { limit } = options;
  let count = 0;
  const print = async (all: boolean) => {
    printPieces(context.io.stdout, rows.take(all));
    if ((await context.io.stdout.flow?.()) !== false) return;
    // The server would send the rest.
    session.abandon();
    throw new ReaderGone();
  };
  const select =
    limit === Infinity
      ? query.sql
      : `SELECT * FROM (\n${query.sql}\n) AS report LIMIT ${limit + 1}`;
  await session.script(`${toUserPath}; ${readAllRows}; SET LOCAL statement_timeout = ${timeout}`);
  const started = Date.now();
  try {
    await copyOut(session, {
      sql: `COPY (\n${select}\n) TO STDOUT WITH (FORMAT ${format})`,
      onRow(bytes, start, end) {
        if (count++ < limit) rows.row(bytes, start, end);
      },
      onPiece: () => print(false),
    });
    await print(true);
  } catch (error) {
    const isLate = timeout > 0 && Date.now() - started >= timeout - 50;
    throw codeOf(error) === sqlstate.queryCanceled && isLate ? new QueryTimeout() : error;
  }
  return count > limit;
}

/** Writes rows as bytes where the stream takes them. */
export function printPieces(
  stdout: RunningReport['context']['io']['stdout'],
  pieces: readonly Buffer[],
): void {
  for (const piece of pieces) {
    if (stdout.writeBytes) stdout.writeBytes(piece);
    else stdout.write(piece.toString());
  }
}
