import * as z from 'zod';
import type { Command } from './command.ts';
import { loadSettings } from './config.ts';
import { isInteractive, withContext, type CommonFlags, type Io } from './context.ts';
import { codeOf, isConnectionLoss } from './db/connection-error.ts';
import { engineLossOf, type EngineLost } from './db/engine-error.ts';
import { defaultApplication } from './default-project.ts';
import { refusal } from './db/refusal.ts';
import type { Server } from './db/session.ts';
import { databaseName, type Target } from './db/target.ts';
import {
  DbopsError,
  exitCodes,
  fileError,
  interrupted,
  messageOf,
  type ExitCode,
} from './errors.ts';
import { toJson } from './output/json.ts';
import { issueLines, speakPlainly } from './output/schema-messages.ts';
import { screenOf } from './output/terminal.ts';
import { errorToText, toText } from './output/text.ts';
import type { JsonValue, Report, Table } from './report.ts';

speakPlainly();

interface Execution {
  words: string;
  command: Command;
  flags: Record<string, unknown>;
  io: Io;
}

interface Used {
  target?: Target;
  server?: Server;
}

/** Runs a command and prints its report: the result on stdout, an error on stderr. */
export async function execute(execution: Execution): Promise<ExitCode> {
  const used: Used = {};
  if (execution.io.known) execution.io.known.command = execution.words;
  const report = await runCommand(execution, used).catch((error: unknown) =>
    failure(error, execution.io, used.target),
  );
  await print(report, execution, used);
  return report.exitCode;
}

async function runCommand({ words, command, flags, io }: Execution, used: Used): Promise<Report> {
  const common: CommonFlags = flags;
  const interactive = isInteractive(io, common);
  const settings = await loadSettings({
    flags,
    environment: io.environment,
    cwd: io.cwd,
    interactive,
  });
  // A second connection reports its target before its server has answered.
  const onTarget = (target: Target, server = used.server) => {
    Object.assign(used, { target, server });
    if (io.known) io.known.target = targetToJson(used);
  };
  const input = { command: words, settings, application: defaultApplication, io, flags: common };
  return withContext({ ...input, onTarget }, (context) => command.run(context, flags));
}

function failure(error: unknown, io: Io, target?: Target): Report {
  const known = toDbopsError(error, io, target);
  return { exitCode: known.exitCode, data: {}, blocks: [], error: known };
}

/** Returns the error with its explanation; an unexpected one is reported as a bug of dbops. */
function toDbopsError(error: unknown, io: Io, target?: Target): DbopsError {
  if (error instanceof DbopsError) return error;
  const name = error instanceof Error ? error.name : '';
  if (io.signal.aborted || name === 'ExitPromptError' || name === 'AbortPromptError')
    return interrupted(
      'Interrupted; nothing was changed.',
      'Run the command again when you are ready.',
    );
  const engine = engineLossOf(error);
  if (engine) return engineStopped(engine);
  const code = codeOf(error);
  if (isConnectionLoss(error))
    return new DbopsError({
      code: 'DATABASE.UNREACHABLE',
      exitCode: exitCodes.unreachable,
      message: 'The connection to the database was lost.',
      reason: [code ? `${messageOf(error)} (${code})` : messageOf(error)],
      hint: 'Uncommitted changes are rolled back. Check that the server runs: dbops doctor',
      cause: error,
    });
  const explained = refusal(error, target) ?? fileError(error);
  if (explained) return explained;
  if (error instanceof z.ZodError)
    return new DbopsError({
      code: 'INTERNAL',
      exitCode: exitCodes.failed,
      message: 'A value has an unexpected form.',
      reason: issueLines(error),
      hint: 'Repeat the command with --verbose and report the stack as a bug of dbops.',
      cause: error,
    });
  return new DbopsError({
    code: code ? `${code.startsWith('E') ? 'SYSTEM' : 'DATABASE'}.${code}` : 'INTERNAL',
    exitCode: exitCodes.failed,
    message: messageOf(error),
    hint: 'Repeat the command with --verbose and report the stack if this is a bug of dbops.',
    cause: error,
  });
}

function engineStopped(loss: EngineLost): DbopsError {
  return new DbopsError({
    code: 'DATABASE.ENGINE_STOPPED',
    exitCode: exitCodes.failed,
    message: loss.message,
    reason: loss.reason.slice(1),
    hint: 'Uncommitted changes are rolled back. Run the command again.',
    cause: loss,
  });
}

/** Prints an error that is thrown before a command is known, or outside of it. */
export async function reportCrash(error: unknown, argv: string[], io: Io): Promise<ExitCode> {
  const report = failure(error, io);
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
  const ok = report.exitCode === exitCodes.done;
  if (flags['json']) return answer(`${toJson(document(words, ok, report, used))}\n`);
  const table = report.blocks.find((block): block is Table => block.kind === 'table');
  if (flags['csv'] && table) {
    const { toCsv } = await import('./output/csv.ts');
    answer(toCsv(table));
  } else {
    const explain = flags['explain'] === true;
    answer(await toText(report.blocks, { ...screenOf(io.stdout, io.environment), explain }));
  }
  if (!report.error) return;
  const screen = screenOf(io.stderr, io.environment);
  io.stderr.write(errorToText(report.error, screen, flags['verbose'] === true));
}

function targetToJson({ target, server }: Used): JsonValue {
  if (!target) return undefined;
  return {
    kind: target.kind,
    host: target.kind === 'postgres' ? target.host : null,
    database: databaseName(target),
    version: server?.version ?? null,
  };
}

function document(command: string, ok: boolean, report: Report, used: Used): JsonValue {
  const { error } = report;
  return {
    command,
    ok,
    ...(used.target && { target: targetToJson(used) }),
    ...report.data,
    ...(error && {
      error: {
        code: error.code,
        message: [error.message, ...error.reason].join('\n'),
        hint: error.hint,
      },
    }),
  };
}
