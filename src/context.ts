import type { Application } from './application.ts';
import type { Settings } from './config.ts';
import { openSession, type Server, type Session, type SessionOptions } from './db/session.ts';
import { databaseName, describeTarget, type Target } from './db/target.ts';
import { usageError } from './errors.ts';
import { createProgress, noProgress, type Progress } from './output/progress.ts';
import { stripControls } from './output/sanitise.ts';
import type { Environment, Stream } from './output/terminal.ts';

/** The edge of the program: everything it reads from and writes to. */
export interface Io {
  /** Never printed, on whichever stream; a command adds its target's. */
  secrets: string[];
  stdin: { isTTY?: boolean | undefined };
  stdout: Stream;
  stderr: Stream;
  environment: Environment;
  cwd: string;
  /** Aborted by SIGINT and SIGTERM. */
  signal: AbortSignal;
  /** Rejects with an error that nothing awaited: the command can not go on. */
  stray?: Promise<never>;
}

export interface CommonFlags {
  json?: boolean;
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
  /** What is declared about the tables of the project. */
  application: Application;
  io: Io;
  flags: CommonFlags;
  clock: () => Date;
  signal: AbortSignal;
  progress: Progress;
  /** Says something to the person, on stderr, unless `--quiet`. */
  note(line: string): void;
  /** Connects at the first call and names the target on stderr. */
  session(): Promise<Session>;
  /** A connection of its own, closed with the context. */
  anotherSession(): Promise<Session>;
  /** Consent to losing data or to acting on a protected database: its name, typed or `--confirm`. */
  consent(what: string): Promise<void>;
  /** Lets the person choose; nothing when there is nobody to ask. */
  choose<T>(question: string, choices: readonly Choice<T>[]): Promise<T | undefined>;
}

export interface Choice<T> {
  /** What the person reads. */
  name: string;
  value: T;
}

export interface ContextInput {
  command: string;
  settings: Settings;
  application: Application;
  io: Io;
  flags: CommonFlags;
  /** Told of the target when it is first used, and of the server once it has answered. */
  onTarget?: (target: Target, server?: Server) => void;
}

/** A person can answer: both ends are terminals, and neither CI nor `--no-input` says otherwise. */
export function isInteractive(io: Io, flags: CommonFlags): boolean {
  return (
    io.stdin.isTTY === true &&
    io.stderr.isTTY === true &&
    !io.environment['CI'] &&
    flags.input !== false
  );
}

type Room = Pick<SessionOptions, 'patience' | 'onCrowded' | 'signal'>;

/** Of a command's first connection: it can do nothing without it, so it waits for its turn. */
function roomFor({ signal }: Io, progress: Progress): Room {
  const onCrowded = () => progress.update('waiting for a connection to spare');
  return { patience: 60_000, onCrowded, signal };
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
  const note = (line: string) => {
    if (flags.quiet) return;
    progress.clear();
    io.stderr.write(`${stripControls(line)}\n`);
  };
  const open = async (room: Room = {}) => {
    const { target } = settings.target();
    if (target.kind === 'postgres') io.secrets.push(...target.secrets);
    onTarget(target);
    const fresh = await openTarget(input, room);
    opened.push(fresh);
    return fresh;
  };
  const openFirst = async () => {
    const fresh = await open(roomFor(io, progress));
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
    progress,
    note,
    session,
    clock: () => new Date(),
    signal: io.signal,
    anotherSession: () => open(),
    consent: (what) => consent(what, settings, io, flags),
    choose: async (message, choices) => {
      if (!isInteractive(io, flags)) return undefined;
      const { select } = await import('@inquirer/prompts');
      return select({ message, choices: [...choices] }, promptStreams(io));
    },
  };
  try {
    return await work(context);
  } finally {
    progress.clear();
    await Promise.allSettled([first]);
    await Promise.allSettled(opened.map((each) => each.close()));
  }
}

/** An embedded database has the extensions that it is opened with. */
async function openTarget({ command, settings }: ContextInput, room: Room): Promise<Session> {
  const { target } = settings.target();
  const options = { application: `dbops ${command}`, ...room };
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
      `If it is the one that you mean: --confirm ${name}`,
    );
  if (!isInteractive(io, flags))
    throw usageError(
      'CONSENT.NEEDED',
      `${what} That needs your consent, by the database's name.`,
      `Repeat the command with --confirm ${name}`,
    );
  const { input } = await import('@inquirer/prompts');
  const typed = await input(
    { message: `${what} Type the database's name (${name}) to go on:` },
    promptStreams(io),
  );
  if (typed !== name)
    throw usageError(
      'CONSENT.DECLINED',
      'Declined; nothing was changed.',
      'Repeat the command when you are ready.',
    );
}

/** Prompts belong to the conversation, so they go to stderr (the library's default is stdout). */
function promptStreams(io: Io): { output: NodeJS.WritableStream; signal: AbortSignal } {
  return { output: process.stderr, signal: io.signal };
}
