import type { Command, RawFlags } from './command.ts';
import { commands } from './commands/index.ts';
import { loadSettings } from './config.ts';
import {
  isInteractive,
  withContext,
  type CommonFlags,
  type Io,
  type OtherCommands,
} from './context.ts';
import { codeOf, isConnectionLoss } from './db/connection-error.ts';
import { engineLossOf, type EngineLost } from './db/engine-error.ts';
import { refusal } from './db/refusal.ts';
import type { Server } from './db/session.ts';
import { databaseName, type Target } from './db/target.ts';
import { declaredOf } from './default-project.ts';
import type { DatabaseDocument, Document } from './documents.ts';
import { DbopsError, exitCodes, fileError, interrupted, messageOf } from './errors.ts';
import { issueLines, isZodError } from './output/issues.ts';
import { speakPlainly } from './output/schema-messages.ts';
import type { Report, ReportData } from './report.ts';

speakPlainly();

/** A command with what it is called with; the program and the API (`src/index.ts`) both run it. */
export interface Execution<Data extends ReportData = ReportData, Flags = RawFlags> {
  words: string;
  command: Command<Data, Flags>;
  flags: Flags;
  /** The settings and the flags of every command, by their names in camel case. */
  common: RawFlags;
  io: Io;
}

/** What a command used before it ended, for its document. */
export interface Used {
  target?: Target;
  server?: Server;
}

/** The report of a command that threw an error. */
export type Failure = Report<Record<string, never>> & { error: DbopsError };

type Outcome<Data extends ReportData> =
  | { report: Report<Data>; failure?: never; used: Used }
  | { report?: never; failure: Failure; used: Used };

/** Reads the settings and runs the command; never throws and prints no report. */
export async function runCommand<Data extends ReportData, Flags>(
  execution: Execution<Data, Flags>,
): Promise<Outcome<Data>> {
  const used: Used = {};
  if (execution.io.known) execution.io.known.command = execution.words;
  try {
    return { report: await runWithContext(execution, used), used };
  } catch (error) {
    return { failure: failureOf(error, execution.io, used.target), used };
  }
}

async function runWithContext<Data extends ReportData, Flags>(
  { words, command, flags, common, io }: Execution<Data, Flags>,
  used: Used,
): Promise<Report<Data>> {
  const ofAll: CommonFlags = common;
  const interactive = isInteractive(io, ofAll);
  const settings = await loadSettings({
    flags: common,
    environment: io.environment,
    cwd: io.cwd,
    interactive,
  });
  // A second connection reports its target before its server has answered.
  const onTarget = (target: Target, server = used.server) => {
    Object.assign(used, { target, server });
    if (io.known) io.known.target = targetToJson(target, server);
  };
  const declared = () => declaredOf(settings);
  const otherCommands = othersOf(common, io);
  const input = { command: words, settings, declared, io, flags: ofAll, otherCommands };
  return withContext({ ...input, onTarget }, (context) => command.run(context, flags));
}

/** The consent of the person who started a command is not one to what others ask of it. */
function othersOf(given: RawFlags, io: Io): OtherCommands {
  const common = { ...given, yes: false, confirm: undefined, input: false, quiet: true };
  const { secrets, environment, cwd } = io;
  const silent = { write: () => {} };
  return {
    words: commands.map(({ words }) => words),
    async run(words, flags, signal) {
      const entry = commands.find((each) => each.words === words);
      if (!entry) throw new Error(`Unknown command: ${words}`);
      const { command } = await entry.load();
      const { report, failure, used } = await runCommand({
        words,
        command,
        flags,
        common: { ...common, returnsDocument: true },
        io: { secrets, environment, cwd, stdin: {}, stdout: silent, stderr: silent, signal },
      });
      const { redactDocument } = await import('./output/redact-document.ts');
      return redactDocument(documentOf(words, report ?? failure, used), secrets);
    },
  };
}

/** Returns the report of an error, with its explanation. */
export function failureOf(thrown: unknown, io: Io, target?: Target): Failure {
  const error = toDbopsError(thrown, io, target);
  return { exitCode: error.exitCode, data: {}, blocks: [], error };
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
  if (isZodError(error))
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

function targetToJson(target: Target, server: Server | undefined): DatabaseDocument {
  return {
    kind: target.kind,
    host: target.kind === 'postgres' ? target.host : null,
    database: databaseName(target),
    version: server?.version ?? null,
  };
}

/** Returns the JSON document of a command, as `docs/json.md` specifies it. */
export function documentOf<Data extends ReportData>(
  command: string,
  { exitCode, data, error }: Report<Data>,
  { target, server }: Used,
): Document<Data> {
  return {
    command,
    ok: exitCode === exitCodes.done,
    ...(target && { target: targetToJson(target, server) }),
    ...data,
    ...(error && {
      error: {
        code: error.code,
        message: [error.message, ...error.reason].join('\n'),
        hint: error.hint,
      },
    }),
  };
}
