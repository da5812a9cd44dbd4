import type { Readable } from 'node:stream';
import type { Settings } from './config.ts';
import type { Declarations } from './declarations.ts';
import { openSession, type Server, type Session, type SessionOptions } from './db/session.ts';
import { databaseName, describeTarget, type Target } from './db/target.ts';
import { usageError } from './errors.ts';
import { createProgress, noProgress, type Progress } from './output/progress.ts';
import { screenOf, type Environment, type Stream } from './output/terminal.ts';
import { lineToText } from './output/text.ts';
import type { JsonValue, ReportData, Tone } from './report.ts';

/** The edge of the program: everything that it reads from and writes to. */
export interface Io {
  /** Never printed on any stream; a command adds those of its target. */
  secrets: string[];
  stdin: {
    isTTY?: boolean | undefined;
    read?: () => Promise<Uint8Array>;
    /** Returns the stream itself, for a command that answers while it reads. */
    open?: () => Readable;
  };
  stdout: Stream;
  stderr: Stream;
  environment: Environment;
  cwd: string;
  /** Aborted by SIGINT and SIGTERM. */
  signal: AbortSignal;
  /** Rejects with an error that nothing awaited: the command cannot continue. */
  stray?: Promise<never>;
  /** Receives the command and its target when they are known, for a document after an abrupt end. */
  known?: { command?: string; target?: JsonValue };
}

export interface CommonFlags {
  json?: boolean;
  /** Of the API: its caller receives the document that `json` would print. */
  returnsDocument?: boolean;
  yes?: boolean;
  /** `false` after `--no-input`. */
  input?: boolean;
  confirm?: string;
  quiet?: boolean;
  verbose?: boolean;
}

/** What a command works with. */
export interface Context {
  /** The words of the command, such as `migrate up`. */
  command: string;
  settings: Settings;
  /** What the configuration declares about the tables; of the bundled folder, the bundled declarations. */
  declared: () => Promise<Declarations>;
  io: Io;
  flags: CommonFlags;
  clock: () => Date;
  signal: AbortSignal;
  progress: Progress;
  /** Prints a remark on stderr, unless `--quiet`. */
  note(line: string): void;
  /**
   * Prints a line of the result on stdout as soon as it is known; with `--json`, prints nothing.
   */
  print(line: string, tone?: Tone): void;
  /** Connects at the first call and names the target on stderr. */
  session(): Promise<Session>;
  /** A connection of its own, closed with the context. */
  anotherSession(): Promise<Session>;
  /** Asks for the database name before data is lost or a protected database changed (`--confirm`). */
  consent(what: string): Promise<void>;
  /** Asks the person to choose; returns undefined without a terminal. */
  choose<T>(question: string, choices: readonly Choice<T>[]): Promise<T | undefined>;
  /** Of the program: how a command that serves others runs them. */
  otherCommands?: OtherCommands;
}

/** Runs commands with the settings of this one, without a terminal, `--yes` and `--confirm`. */
export interface OtherCommands {
  /** The words of every command. */
  words: readonly string[];
  /** Returns the JSON document without secrets; never throws. */
  run(
    words: string,
    flags: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ReportData>;
}

export interface Choice<T> {
  /** What the person reads. */
  name: string;
  value: T;
}

export interface ContextInput {
  command: string;
  settings: Settings;
  declared?: () => Promise<Declarations>;
  io: Io;
  flags: CommonFlags;
  otherCommands?: OtherCommands;
  /** Called with the target when it is first used, and with the server once it has answered. */
  onTarget?: (target: Target, server?: Server) => void;
}

/** Whether a person can answer: stdin and stderr are terminals, without CI and `--no-input`. */
export function isInteractive(io: Io, flags: CommonFlags): boolean {
  return (
    !io.environment['CI'] &&
    flags.input !== false &&
    io.stderr.isTTY === true &&
    io.stdin.isTTY === true
  );
}

type ConnectionWaits = Pick<
  SessionOptions,
  'patience' | 'onCrowded' | 'waitForServer' | 'onUnreachable' | 'signal'
>;

/** The first connection waits for a free one: the command can do nothing without it. */
function waitsFor(
  { signal }: Io,
  { waitForDatabase }: Settings,
  progress: Progress,
): ConnectionWaits {
  return {
    patience: 60_000,
    onCrowded: () => progress.update('waiting for a free connection'),
    waitForServer: waitForDatabase,
    onUnreachable: () => progress.update('waiting for the server to accept connections'),
    signal,
  };
}

/** Runs `work` with a context and closes everything that it opened. */
export async function withContext<T>(
  input: ContextInput,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const opened: Session[] = [];
  const { onTarget = () => {}, ...given } = input;
  const { settings, io, flags } = given;
  if (settings.shadow?.kind === 'postgres') io.secrets.push(...settings.shadow.secrets);
  const progress = flags.quiet ? noProgress : createProgress(io.stderr, Date.now, io.environment);
  const { note, print } = writersOf(io, flags, progress);
  let server: Target | undefined;
  const open = async (waits: ConnectionWaits = {}) => {
    const target = server ?? settings.target().target;
    if (target.kind === 'postgres') io.secrets.push(...target.secrets);
    onTarget(target);
    const fresh = await openTarget(input, target, waits);
    opened.push(fresh);
    return fresh;
  };
  const openFirst = async () => {
    const fresh = await open(waitsFor(io, settings, progress));
    // Of several servers, further connections are made to the one that answered.
    if (fresh.target.kind === 'postgres') server = fresh.target;
    onTarget(fresh.target, fresh.server);
    announce(fresh, settings, flags, note);
    return fresh;
  };
  let first: Promise<Session> | undefined;
  const session = () => {
    first ??= openFirst();
    // A command may do other work before it awaits the connection; its failure is not lost.
    first.catch(() => {});
    return first;
  };
  const context: Context = {
    ...given,
    declared: given.declared ?? (async () => settings.declared),
    progress,
    note,
    print,
    session,
    clock: () => new Date(),
    signal: io.signal,
    anotherSession: () => open(),
    ...questionsOf(input, progress),
  };
  try {
    return await work(context);
  } catch (error) {
    const [asked] = opened;
    if (!asked) throw error;
    const { withRemedy } = await import('./sql/missing-grants.ts');
    throw await withRemedy(error, asked);
  } finally {
    progress.clear();
    await Promise.allSettled([first]);
    await Promise.allSettled(opened.map((each) => each.close()));
  }
}

/** Questions, which the progress line makes way for. */
function questionsOf(
  { settings, io, flags }: ContextInput,
  progress: Progress,
): Pick<Context, 'consent' | 'choose'> {
  return {
    consent: (what) => {
      progress.clear();
      return consent(what, settings, io, flags);
    },
    choose: async (message, choices) => {
      if (!isInteractive(io, flags)) return undefined;
      progress.clear();
      const { select } = await import('@inquirer/prompts');
      return select({ message, choices: [...choices] }, promptStreams(io));
    },
  };
}

/** Writers of whole lines, which the progress line makes way for. */
function writersOf(
  io: Io,
  flags: CommonFlags,
  progress: Progress,
): Pick<Context, 'note' | 'print'> {
  const write = (stream: Stream, line: string, tone?: Tone) =>
    progress.above(
      () => void stream.write(lineToText(line, screenOf(stream, io.environment), tone)),
    );
  return {
    note: (line) => void (flags.quiet || write(io.stderr, line)),
    print: (line, tone) => void (flags.json || write(io.stdout, line, tone)),
  };
}

/** Opens the target; an embedded database has only the extensions that it is opened with. */
async function openTarget(
  { command, settings }: ContextInput,
  target: Target,
  waits: ConnectionWaits,
): Promise<Session> {
  const { statementTimeout } = settings;
  const options = { application: `dbops ${command}`, statementTimeout, ...waits };
  if (target.kind !== 'pglite') return openSession(target, options);
  const { extensionsOfProject } = await import('./shadow/extensions.ts');
  return openSession({ ...target, extensions: extensionsOfProject(settings) }, options);
}

function announce(
  { server, target }: Session,
  settings: Settings,
  flags: CommonFlags,
  note: (line: string) => void,
) {
  const engine = server.kind === 'pglite' ? 'embedded PostgreSQL' : 'PostgreSQL';
  note(`target  ${describeTarget(target)}  (${engine} ${server.version})`);
  if (flags.verbose) note(`        from ${settings.target().source}`);
}

async function consent(
  what: string,
  settings: Settings,
  io: Io,
  flags: CommonFlags,
): Promise<void> {
  const name = databaseName(settings.target().target);
  if (flags.confirm === name) return;
  if (flags.confirm !== undefined)
    throw usageError(
      'CONSENT.WRONG_NAME',
      `--confirm names ${flags.confirm}, but this database is ${name}.`,
      `To use this database, pass --confirm ${name}`,
    );
  if (!isInteractive(io, flags))
    throw usageError(
      'CONSENT.NEEDED',
      `${what} Pass the database name to confirm.`,
      `Repeat the command with --confirm ${name}`,
    );
  const { input } = await import('@inquirer/prompts');
  const typed = await input(
    { message: `${what} Type the database name (${name}) to confirm:` },
    promptStreams(io),
  );
  if (typed !== name)
    throw usageError(
      'CONSENT.DECLINED',
      'Declined; nothing was changed.',
      'Repeat the command when you are ready.',
    );
}

/** Prompts go to stderr (the library's default is stdout). */
function promptStreams(io: Io): { output: NodeJS.WritableStream; signal: AbortSignal } {
  return { output: process.stderr, signal: io.signal };
}
