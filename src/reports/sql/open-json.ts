import type { DbopsError } from '../../errors.ts';
import { toJson } from '../../output/json.ts';
import type { ReportData } from '../../report.ts';
import { headOf, type OpenDocument, type RunningReport } from './run.ts';

/** What is printed before and after the rows of a document. */
export interface JsonFrame {
  head: string;
  tail(isTruncated: boolean): string;
}

/**
 * Returns the document with its keys in the order in which they are known.
 *
 * @param opened gets the function that ends the document with an error
 * @param flush called before that: writes the rows that are not written yet
 */
export function openJson(
  run: RunningReport,
  opened: OpenDocument,
  flush: () => void = () => {},
): JsonFrame {
  const { command, io } = run.context;
  const target = io.known?.target;
  const head = toJson({ command, ...(target !== undefined && { target }), ...headOf(run) });
  const end = (isTruncated: boolean, rest: ReportData) =>
    `\n  ],\n  "truncated": ${isTruncated},${toJson(rest).slice(1)}\n`;
  opened.close = (error) => {
    flush();
    io.stdout.write(end(true, { ok: false, error: errorDocument(error) }));
  };
  return {
    head: `${head.slice(0, head.lastIndexOf('\n'))},\n  "rows": [`,
    tail: (isTruncated) => end(isTruncated, { ok: true }),
  };
}

function errorDocument({ code, message, reason, hint }: DbopsError) {
  return { code, message: [message, ...reason].join('\n'), hint };
}
