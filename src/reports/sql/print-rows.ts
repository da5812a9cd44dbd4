import { textRows } from '../../declared/rows.ts';
import type { QueryData } from '../../documents.ts';
import { exitCodes } from '../../errors.ts';
import { toJson } from '../../output/json.ts';
import { markdownHead, markdownRow } from '../../output/markdown.ts';
import { screenOf } from '../../output/terminal.ts';
import { toText } from '../../output/text.ts';
import type { Report } from '../../report.ts';
import { documentRow, tableColumns, tableRow } from './columns.ts';
import { openJson } from './open-json.ts';
import { headOf, truncatedLine, type OpenDocument, type RunningReport } from './run.ts';

type Batch = readonly (string | null)[][];

/** What is written before, for and after batches of rows. */
interface Writer {
  head: string;
  batch(rows: Batch): Promise<string>;
  tail(isTruncated: boolean): string;
}

/** Prints many rows as they arrive, so that the memory that they take does not grow with their number. */
export async function printRows(
  run: RunningReport,
  opened: OpenDocument,
): Promise<Report<QueryData>> {
  const { context, session, query, timeout, options } = run;
  const { stdout } = context.io;
  const writer = writerOf(run, opened);
  let count = 0;
  let isTruncated = false;
  let isOpen = true;
  stdout.write(writer.head);
  for await (const { rows } of textRows(session, { ...query, timeout })) {
    const wanted = rows.slice(0, options.limit - count);
    isTruncated ||= wanted.length < rows.length;
    count += wanted.length;
    if (wanted.length > 0) stdout.write(await writer.batch(wanted));
    isOpen = (await stdout.flow?.()) ?? true;
    if (isTruncated || !isOpen) break;
  }
  stdout.write(writer.tail(isTruncated));
  if (isTruncated && !context.flags.json) context.note(truncatedLine(options.limit));
  return {
    exitCode: exitCodes.done,
    data: { ...headOf(run), rows: [], truncated: isTruncated },
    blocks: [],
    isPrinted: true,
  };
}

function writerOf(run: RunningReport, opened: OpenDocument): Writer {
  if (run.context.flags.json) return jsonWriter(run, opened);
  return run.options.markdown ? markdownWriter(run) : textWriter(run);
}

function markdownWriter({ columns }: RunningReport): Writer {
  const shown = tableColumns(columns);
  return {
    head: markdownHead(shown),
    batch: async (rows) => rows.map((row) => markdownRow(shown, tableRow(columns, row))).join(''),
    tail: () => '',
  };
}

function jsonWriter(run: RunningReport, opened: OpenDocument): Writer {
  const { head, tail } = openJson(run, opened);
  let separator = '';
  return {
    head,
    async batch(rows) {
      const lines = rows.map((row) => `\n    ${toJson(documentRow(run.columns, row), 0)}`);
      const written = `${separator}${lines.join(',')}`;
      separator = ',';
      return written;
    },
    tail,
  };
}

/** The widths of columns are those of a batch, as with FETCH_COUNT of psql. */
function textWriter({ columns, report, context }: RunningReport): Writer {
  const screen = screenOf(context.io.stdout, context.io.environment);
  let title: string | undefined = report.title;
  return {
    head: '',
    batch(rows) {
      const table = {
        kind: 'table' as const,
        ...(title !== undefined && { title }),
        columns: tableColumns(columns),
        rows: rows.map((row) => tableRow(columns, row)),
      };
      title = undefined;
      return toText([table], screen);
    },
    tail: () => '',
  };
}
