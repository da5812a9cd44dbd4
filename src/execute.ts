import { resolve } from 'node:path';
import type { Io } from './context.ts';
import { orStray, usageError, type ExitCode } from './errors.ts';
import type { RequestedReport } from './output/findings/requested.ts';
import { toJson } from './output/json.ts';
import { screenOf, withSecrets } from './output/terminal.ts';
import { errorToText, toText } from './output/text.ts';
import type { Report, Table } from './report.ts';
import { documentOf, failureOf, runCommand, type Execution, type Used } from './run-command.ts';

declare const DBOPS_VERSION: string | undefined;

/** Runs a command and prints its report: the result on stdout, an error on stderr. */
export async function execute(execution: Omit<Execution, 'common'>): Promise<ExitCode> {
  const startedAt = new Date();
  const requested = await requestedIn(execution.flags['report']);
  const outcome =
    execution.flags['json'] === true && requested.some(({ file }) => file === '-')
      ? { failure: failureOf(twoResults, execution.io), used: {} }
      : await runCommand({ ...execution, common: execution.flags });
  const paged = await withPage(outcome.report ?? outcome.failure, execution);
  const run = { requested, startedAt, used: outcome.used };
  const { report, stdout } = await withFindings(paged, execution, run);
  await print(report, execution, { used: outcome.used, stdout });
  return report.exitCode;
}

/** Runs a command that was called without flags and arguments: there is nothing for commander to parse. */
export async function executePlain(
  execution: Pick<Execution, 'words' | 'command'>,
  outer: Omit<Io, 'secrets'>,
): Promise<ExitCode> {
  const io: Io = withSecrets(outer);
  try {
    return await orStray(execute({ ...execution, flags: {}, io }), io.stray);
  } catch (error) {
    return reportCrash(error, [], io);
  }
}

const twoResults = usageError(
  'USAGE',
  'Only one result can be written to stdout: --json, or a report to the file -.',
  'Write the report to a file, or omit --json.',
);

/** Reads the flag without its schema: the files are written, too, where other flags are wrong. */
async function requestedIn(values: unknown): Promise<RequestedReport[]> {
  if (!Array.isArray(values)) return [];
  const { fileOfReport } = await import('./output/findings/requested.ts');
  return values.flatMap((value: unknown) => {
    const found = typeof value === 'string' ? fileOfReport(value) : undefined;
    return found && !('problem' in found) ? found : [];
  });
}

interface Run {
  requested: readonly RequestedReport[];
  startedAt: Date;
  used: Used;
}

/** What is printed. */
interface Printable {
  report: Report;
  /** In place of the text. */
  stdout?: string | undefined;
}

/** Writes the files of `--report`, and the annotations in GitHub Actions. */
async function withFindings(
  report: Report,
  { words, command, flags, io }: Omit<Execution, 'common'>,
  { requested, startedAt, used }: Run,
): Promise<Printable> {
  const isAnnotated =
    Boolean(io.environment['GITHUB_ACTIONS']) &&
    command.names.includes('annotations') &&
    flags['annotations'] !== false &&
    (report.inspection ?? report.error) !== undefined;
  if (requested.length === 0 && !isAnnotated) return { report };
  const document = documentOf(words, report, used);
  const { deliverFindings } = await import('./output/findings/write-reports.ts');
  const source = {
    command: words,
    version: typeof DBOPS_VERSION === 'string' ? DBOPS_VERSION : '0.0.0-source',
    inspection: report.inspection,
    error: document.error,
    exitCode: report.exitCode,
    startedAt,
    duration: Date.now() - startedAt.getTime(),
    document,
    secrets: io.secrets,
  };
  const { cwd, environment } = io;
  try {
    const delivery = { requested, isAnnotated, cwd, environment };
    const { stdout, annotations, remarks } = deliverFindings(source, delivery);
    // The runner reads both streams; a document or a script on stdout remains one.
    const isTaken = flags['json'] === true || flags['fix'] === true || stdout !== undefined;
    const stream = isTaken ? io.stderr : io.stdout;
    if (annotations) stream.write(annotations);
    for (const line of remarks) io.stderr.write(`${line}\n`);
    return { report, stdout };
  } catch (error) {
    if (report.error) return { report };
    const failure = failureOf(error, io);
    return { report: { ...report, exitCode: failure.exitCode, error: failure.error } };
  }
}

/** Writes the page of `--html FILE`. @returns the report, or that of a file that cannot be written */
async function withPage(
  report: Report,
  { words, flags, io }: Pick<Execution, 'words' | 'flags' | 'io'>,
): Promise<Report> {
  const file = flags['html'];
  if (typeof file !== 'string' || report.error) return report;
  try {
    const { writePage } = await import('./output/html/write-page.ts');
    return writePage(report, { file: resolve(io.cwd, file), name: file, words });
  } catch (error) {
    return failureOf(error, io);
  }
}

/** Prints an error that is thrown before a command is known, or outside of it. */
export async function reportCrash(error: unknown, argv: string[], io: Io): Promise<ExitCode> {
  const report = failureOf(error, io);
  const flags = {
    json: argv.includes('--json'),
    verbose: argv.includes('--verbose') || argv.includes('-v'),
  };
  await print(report, { words: 'dbops', flags, io }, { used: {} });
  return report.exitCode;
}

type Printed = Pick<Execution, 'words' | 'flags' | 'io'>;

async function print(
  report: Report,
  { words, flags, io }: Printed,
  { used, stdout }: { used: Used; stdout?: string | undefined },
): Promise<void> {
  const answer = (text: string) => void (text && io.stdout.write(text));
  if (report.isPrinted && flags['json']) return;
  if (flags['json']) return answer(`${toJson(documentOf(words, report, used))}\n`);
  const table = report.blocks.find((block): block is Table => block.kind === 'table');
  if (stdout !== undefined) answer(stdout);
  else if (flags['csv'] && table) {
    const { toCsv } = await import('./output/csv.ts');
    answer(toCsv(table));
  } else if (flags['markdown'] && table) {
    const { toMarkdown } = await import('./output/markdown.ts');
    answer(toMarkdown(flags['explain'] === true ? table : { ...table, notes: [] }));
  } else {
    const explain = flags['explain'] === true;
    answer(await toText(report.blocks, { ...screenOf(io.stdout, io.environment), explain }));
  }
  if (!report.error) return;
  const screen = screenOf(io.stderr, io.environment);
  io.stderr.write(errorToText(report.error, screen, flags['verbose'] === true));
}
