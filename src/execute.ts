import { resolve } from 'node:path';
import type { Io } from './context.ts';
import type { ExitCode } from './errors.ts';
import { toJson } from './output/json.ts';
import { screenOf } from './output/terminal.ts';
import { errorToText, toText } from './output/text.ts';
import type { Report, Table } from './report.ts';
import { documentOf, failureOf, runCommand, type Execution, type Used } from './run-command.ts';

/** Runs a command and prints its report: the result on stdout, an error on stderr. */
export async function execute(execution: Omit<Execution, 'common'>): Promise<ExitCode> {
  const outcome = await runCommand({ ...execution, common: execution.flags });
  const report = await withPage(outcome.report ?? outcome.failure, execution);
  await print(report, execution, outcome.used);
  return report.exitCode;
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
  await print(report, { words: 'dbops', flags, io }, {});
  return report.exitCode;
}

type Printed = Pick<Execution, 'words' | 'flags' | 'io'>;

async function print(report: Report, { words, flags, io }: Printed, used: Used): Promise<void> {
  const answer = (text: string) => void (text && io.stdout.write(text));
  if (report.isPrinted && flags['json']) return;
  if (flags['json']) return answer(`${toJson(documentOf(words, report, used))}\n`);
  const table = report.blocks.find((block): block is Table => block.kind === 'table');
  if (flags['csv'] && table) {
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
