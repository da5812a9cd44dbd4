import { readWithFixedSettings } from '../../catalog/snapshot.ts';
import type { Context } from '../../context.ts';
import { codeOf, isConnectionLoss } from '../../db/connection-error.ts';
import { hidesRows } from '../../db/row-security.ts';
import type { Session } from '../../db/session.ts';
import { isSqlState, sqlstate } from '../../db/sqlstate.ts';
import { placeOf, prepareQuery, type DeclaredQuery } from '../../declared/query.ts';
import { cursorHead, QueryTimeout, textRows } from '../../declared/rows.ts';
import type { QueryData } from '../../documents.ts';
import { DbopsError, exitCodes, interrupted, messageOf, usageError } from '../../errors.ts';
import { chartOf } from './chart.ts';
import { formatDuration } from '../../output/duration.ts';
import { formatCount } from '../../output/number.ts';
import { text, type Report } from '../../report.ts';
import { serverSays } from '../../sql/error-position.ts';
import { columnsOf, documentRow, tableColumns, tableRow } from './columns.ts';
import type { NamedReport } from './find.ts';
import { queryOf, valuesOf } from './params.ts';

export interface SqlReportOptions {
  /** `name=value` */
  params: readonly string[];
  /** Rows that are read; Infinity is all. */
  limit: number;
  /** Milliseconds; absent: that of the report, or 30 seconds. */
  timeout?: number | undefined;
  csv: boolean;
  markdown: boolean;
  /** The file of a page. */
  html?: string | undefined;
  /** The rows are returned, however many, and not printed as they arrive. */
  isHeld: boolean;
}

/** Milliseconds. */
const defaultTimeout = 30_000;

/** Rows that a report holds in memory; more are printed as they arrive. */
const mostHeld = 10_000;

/**
 * Runs a report of one's own in a REPEATABLE READ READ ONLY transaction in UTC. CSV, and more than 10,000 rows,
 * are printed as they arrive; the report that is returned is then empty.
 *
 * @throws usage error for invalid parameters, and for SQL that is not one query or does not run
 */
export async function runSqlReport(
  context: Context,
  report: NamedReport,
  options: SqlReportOptions,
): Promise<Report<QueryData>> {
  assertFitsPage(options);
  const values = valuesOf(report, options.params);
  const query = await queryOf(report, values);
  const isHeld = options.isHeld || (options.limit <= mostHeld && !options.csv);
  const literal = !isHeld ? await queryOf(report, values, 'literal') : query;
  const session = await context.session();
  const timeout = options.timeout ?? report.timeout ?? defaultTimeout;
  const run = { context, session, report, query, timeout, options };
  const opened: OpenDocument = {};
  const stop = () => session.abandon();
  context.signal.addEventListener('abort', stop, { once: true });
  const work = () =>
    readWithFixedSettings(session, async () => {
      const fields = await prepareQuery(session, query);
      const columns = await columnsOf(session, fields);
      if (options.csv && !context.flags.json) {
        const { printCsv } = await import('./print-csv.ts');
        return printCsv({ ...run, query: literal, columns });
      }
      if (isHeld || options.limit <= mostHeld) return collect({ ...run, columns });
      if (context.flags.json && session.server.kind !== 'pglite') {
        const { isReordered, printJson } = await import('./print-json.ts');
        if (!isReordered({ columns }))
          return printJson({ ...run, query: literal, columns }, opened);
      }
      const { printRows } = await import('./print-rows.ts');
      return printRows({ ...run, columns }, opened);
    });
  try {
    return await explained(run, work);
  } catch (error) {
    if (error instanceof ReaderGone) return { ...ended, exitCode: exitCodes.done };
    if (!opened.close) throw error;
    const reason = context.signal.aborted ? cut : asDbopsError(error);
    opened.close(reason);
    return { ...ended, exitCode: reason.exitCode, error: reason };
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
}

/** @throws usage error for a page with rows that are printed as they arrive, and held nowhere */
function assertFitsPage({ html, limit, csv }: SqlReportOptions): void {
  if (html === undefined || (limit <= mostHeld && !csv)) return;
  throw usageError('USAGE', 'Invalid options.', 'See: dbops help report', [
    `--html: a page has at most ${formatCount(mostHeld)} rows, and is not written with --csv or --all`,
  ]);
}

/** A JSON document of which a part is printed. */
export interface OpenDocument {
  /** Ends it with an error. */
  close?(error: DbopsError): void;
}

/** The reader of stdout has ended, such as `head`. */
export class ReaderGone extends Error {}

const ended = {
  data: { title: '', columns: [], rows: [], truncated: true },
  blocks: [],
  isPrinted: true,
};

const cut = interrupted('Interrupted; nothing was changed.', 'Run the report again.');

function asDbopsError(error: unknown): DbopsError {
  if (error instanceof DbopsError) return error;
  return new DbopsError({
    code: 'REPORT.FAILED',
    exitCode: exitCodes.failed,
    message: `The report ended early: ${messageOf(error)}`,
    hint: 'Run it again; --verbose shows the stack.',
    cause: error,
  });
}

export interface RunningReport {
  context: Context;
  session: Session;
  report: NamedReport;
  query: DeclaredQuery;
  timeout: number;
  options: SqlReportOptions;
  columns: Awaited<ReturnType<typeof columnsOf>>;
}

async function collect(run: RunningReport): Promise<Report<QueryData>> {
  const { session, report, query, timeout, options, columns } = run;
  const rows = [];
  const batch = Math.min(1_000, options.limit + 1);
  for await (const read of textRows(session, { ...query, timeout, batch })) {
    rows.push(...read.rows);
    if (rows.length > options.limit) break;
  }
  const isTruncated = rows.length > options.limit;
  rows.length = Math.min(rows.length, options.limit);
  const shown = rows.map((row) => tableRow(columns, row));
  const chart = options.html === undefined ? undefined : chartOf(columns, shown);
  return {
    exitCode: exitCodes.done,
    data: {
      ...headOf(run),
      rows: rows.map((row) => documentRow(columns, row)),
      truncated: isTruncated,
    },
    blocks: [
      {
        kind: 'table',
        title: report.title,
        columns: tableColumns(columns),
        rows: shown,
        ...(chart && { chart }),
      },
      ...(isTruncated ? [text(truncatedLine(options.limit), 'warn')] : []),
    ],
  };
}

/** Returns what a document has above its rows. */
export function headOf({ report, columns }: Pick<RunningReport, 'report' | 'columns'>) {
  return {
    title: report.title,
    columns: columns.map(({ key, label, type }) => ({ key, label, type })),
  };
}

export function truncatedLine(limit: number): string {
  return `only the first ${formatCount(limit)} rows are shown; for more: --limit N or --all`;
}

type Running = Pick<RunningReport, 'report' | 'query' | 'timeout'>;

/** Runs the work, and explains what the server rejects in the SQL of the report. */
async function explained<T>(
  { report, query, timeout }: Running,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueryTimeout)
      throw new DbopsError({
        code: 'REPORT.TIMEOUT',
        exitCode: exitCodes.failed,
        message: `The report ${report.name} was cancelled after ${formatDuration(timeout)}.`,
        hint: 'Narrow it, or allow it more time: --timeout 5m',
      });
    if (!isOfQuery(error)) throw error;
    throw new DbopsError({
      code: 'REPORT.FAILED',
      exitCode: exitCodes.failed,
      message: `The report ${report.name} failed.`,
      reason: [
        ...placeOf(error, query, `${cursorHead}${query.sql}`, cursorHead.length),
        ...serverSays(error),
      ],
      hint: `Correct ${report.place}.`,
      cause: error,
    });
  }
}

/** Returns whether the SQL of the report caused an error, and not the session or the role. */
function isOfQuery(error: unknown): boolean {
  const code = codeOf(error);
  const others: string[] = [sqlstate.insufficientPrivilege, sqlstate.readOnlySqlTransaction];
  return (
    !(error instanceof DbopsError) &&
    isSqlState(code) &&
    !isConnectionLoss(error) &&
    !hidesRows(error) &&
    !others.includes(code)
  );
}
