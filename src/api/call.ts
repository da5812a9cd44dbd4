import { stripVTControlCharacters } from 'node:util';
import type { Command } from '../command.ts';
import type { Io } from '../context.ts';
import type { Document } from '../documents.ts';
import { DbopsError, interrupted, usageError } from '../errors.ts';
import { redactDocument } from '../output/redact-document.ts';
import { redact } from '../output/sanitise.ts';
import type { Report, ReportData } from '../report.ts';
import { documentOf, runCommand } from '../run-command.ts';
import type { Options } from './options.ts';

interface Call<Data extends ReportData, Flags extends object> {
  words: string;
  command: Command<Data, Flags>;
  options: Options;
  flags: Flags;
  /** What the command reads from stdin. */
  input?: string;
}

/**
 * Runs a command without a terminal: it prints nothing and asks nothing.
 *
 * @returns its JSON document
 * @throws DbopsError, with the document of what was done before
 */
export async function call<Data extends ReportData, Flags extends object>({
  words,
  command,
  options,
  flags,
  input,
}: Call<Data, Flags>): Promise<Document<Data>> {
  assertOptions(words, command.names, { ...options, ...flags });
  const io = ioOf(options, input);
  if (io.signal.aborted)
    throw interrupted('Interrupted; nothing was changed.', 'Call the function again when ready.');
  const shared = { ...options, quiet: !options.log, returnsDocument: true };
  const execution = { words, command, flags, common: shared, io };
  const { used, report, failure } = await runCommand(execution);
  const stopped = (error: DbopsError, ended: Report) =>
    withDocument(error, documentOf(words, ended, used), io.secrets);
  if (failure) throw stopped(failure.error, failure);
  if (report.error) throw stopped(report.error, report);
  return redactDocument(documentOf(words, report, used), io.secrets);
}

/** The options that no command declares. */
const common: Record<keyof Options, true> = {
  databaseUrl: true,
  migrations: true,
  format: true,
  trackingTable: true,
  shadowUrl: true,
  lockTimeout: true,
  statementTimeout: true,
  waitForDatabase: true,
  config: true,
  envFile: true,
  cwd: true,
  environment: true,
  confirm: true,
  signal: true,
  log: true,
};

/** Flags of what the program prints or writes, which the API does not. */
const ofProgram = new Set(['csv', 'markdown', 'explain', 'html', 'report', 'annotations', 'list']);

/**
 * JavaScript accepts any property: a misspelt `dryRun` would change the database, and a URL from a
 * variable that is not set would be replaced by that of another database.
 */
function assertOptions(words: string, names: readonly string[], given: object): void {
  const unknown = Object.keys(given).filter(
    (name) => !Object.hasOwn(common, name) && (!names.includes(name) || ofProgram.has(name)),
  );
  if (unknown.length > 0)
    throw usageError(
      'USAGE',
      `Unknown ${unknown.length === 1 ? 'option' : 'options'}: ${unknown.join(', ')}.`,
      `Use the names of the flags in camel case; see: dbops ${words} --help`,
    );
  if ('databaseUrl' in given && typeof given.databaseUrl !== 'string')
    throw usageError(
      'TARGET.MISSING',
      'The option databaseUrl has no value.',
      'Set the variable that it comes from, or omit the option to use DATABASE_URL.',
    );
}

function ioOf(
  { environment = process.env, cwd = process.cwd(), signal, log }: Options,
  input = '',
): Io {
  const secrets: string[] = [];
  const write = (text: string) => {
    const lines = stripVTControlCharacters(redact(text, secrets)).split('\n');
    for (const line of lines) if (line) log?.(line);
  };
  const stream = { write };
  const stdin = { read: async () => Buffer.from(input) };
  const io = { secrets, stdin, stdout: stream, stderr: stream, environment, cwd };
  return { ...io, signal: signal ?? new AbortController().signal };
}

/** Returns the error with the document, both without secrets. */
function withDocument(
  error: DbopsError,
  document: ReportData,
  secrets: readonly string[],
): DbopsError {
  return new DbopsError({
    ...error,
    message: redact(error.message, secrets),
    reason: error.reason.map((line) => redact(line, secrets)),
    hint: redact(error.hint, secrets),
    document: redactDocument(document, secrets),
    cause: error.cause,
  });
}
