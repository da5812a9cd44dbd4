import { appendFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, usageError } from '../../errors.ts';
import { toJson } from '../json.ts';
import { redact } from '../sanitise.ts';
import type { Environment } from '../terminal.ts';
import { annotationsOf } from './github.ts';
import { toGitlab } from './gitlab.ts';
import { toJunit } from './junit.ts';
import { toFindingsMarkdown } from './markdown.ts';
import { findingsReportOf, type FindingsReport, type ReportSource } from './model.ts';
import { toRdjson } from './rdjson.ts';
import type { ReportFormat, RequestedReport } from './requested.ts';
import { toSarif } from './sarif.ts';

/** The writers, by format. */
const writers: Readonly<Record<ReportFormat, (report: FindingsReport) => string>> = {
  junit: toJunit,
  sarif: toSarif,
  gitlab: toGitlab,
  rdjson: toRdjson,
  markdown: toFindingsMarkdown,
  json: ({ document }) => `${toJson(document)}\n`,
};

/** Returns the findings in a format. */
export function toFormat(format: ReportFormat, report: FindingsReport): string {
  return writers[format](report);
}

/** What is to be written beside the text. */
export interface Delivery {
  requested: readonly RequestedReport[];
  /** Whether GitHub Actions gets annotations and a step summary. */
  isAnnotated: boolean;
  cwd: string;
  environment: Environment;
}

/** What is to be printed. */
export interface Delivered {
  /** In place of the text on stdout. */
  stdout?: string;
  /** Workflow commands, one a line. */
  annotations: string;
  /** What could not be written, and need not fail the command. */
  remarks: string[];
}

/** Writes the files. @throws usage error for a file that cannot be written */
export function deliverFindings(source: ReportSource, delivery: Delivery): Delivered {
  const report = findingsReportOf(source);
  const delivered: Delivered = { annotations: '', remarks: [] };
  for (const { format, file } of delivery.requested) {
    const text = redact(toFormat(format, report), format === 'json' ? source.secrets : []);
    if (file === '-') delivered.stdout = text;
    else write(file, resolve(delivery.cwd, file), text);
  }
  if (!delivery.isAnnotated) return delivered;
  delivered.annotations = annotationsOf(report);
  const summary = delivery.environment['GITHUB_STEP_SUMMARY'];
  if (summary) delivered.remarks.push(...appendSummary(summary, report));
  return delivered;
}

function write(name: string, file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw usageError(
      'REPORT.UNWRITABLE',
      `Cannot write the report ${name}.`,
      'Specify a file in a writable folder.',
      [messageOf(error)],
    );
  }
}

/** Bytes of the summaries of a step; GitHub rejects a larger file as a whole. */
const largestSummary = 1_048_576;

/** Below this size nothing but the heading fits. */
const leastRoom = 2_000;

function appendSummary(file: string, report: FindingsReport): string[] {
  try {
    const size = existsSync(file) ? statSync(file).size : 0;
    const room = largestSummary - size;
    if (room < leastRoom) return ['The step summary is full: it has no room for the findings.'];
    appendFileSync(file, toFindingsMarkdown(report, room));
    return [];
  } catch (error) {
    return [`The step summary cannot be written: ${messageOf(error)}`];
  }
}
