import { Command as Commander, CommanderError } from 'commander';
import { commands, groups } from './commands/index.ts';
import type { Command, CommandEntry } from './command.ts';
import type { Io } from './context.ts';
import { exitCodes, orStray, usageError, type ExitCode } from './errors.ts';
import {
  commonOptions,
  footerOf,
  footerOfNoun,
  helpSettings,
  isTopic,
  topicHelp,
} from './output/help.ts';
import { screenOf, withSecrets } from './output/terminal.ts';

type RunCommand = (
  entry: CommandEntry,
  command: Command,
  flags: Record<string, unknown>,
) => Promise<void>;

/**
 * Runs one command line.
 *
 * @param argv the arguments without `node` and the script
 * @param version that of dbops
 * @returns the exit code; never throws and never exits
 */
export async function runProgram(
  argv: string[],
  version: string,
  outer: Omit<Io, 'secrets'>,
): Promise<ExitCode> {
  const io: Io = withSecrets(outer);
  let exitCode: ExitCode = exitCodes.done;
  const run: RunCommand = async (entry, command, flags) => {
    const { execute } = await import('./execute.ts');
    exitCode = await execute({ words: entry.words, command, flags, io });
  };
  const words = wordsOfHelp(argv);
  try {
    const answer = await answerForPrograms(argv, version, io);
    if (answer !== undefined) {
      io.stdout.write(answer);
      return exitCodes.done;
    }
    const [topic] = words ?? [];
    if (isTopic(topic)) {
      io.stdout.write(topicHelp(topic, io));
      return exitCodes.done;
    }
    const program = await createProgram({ argv: words ?? argv, version, io, run });
    const work = program.parseAsync(words ?? argv, { from: 'user' });
    await orStray(work, io.stray);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv, io);
    const { reportCrash } = await import('./execute.ts');
    return reportCrash(error, argv, io);
  }
}

/** Returns what scripts, agents and shells ask for: the version and the help as JSON, completions, the manual page. */
async function answerForPrograms(
  argv: string[],
  version: string,
  io: Io,
): Promise<string | undefined> {
  const [first, ...rest] = argv;
  if (first === '__complete') {
    const { completions } = await import('./complete.ts');
    return (await completions(rest, io)).map((line) => `${line}\n`).join('');
  }
  if (first === 'help' && rest.length === 1 && rest[0] === '--man') {
    const { manPage } = await import('./man-page.ts');
    return manPage(version);
  }
  const others = argv.filter((word) => word !== '--json');
  if (others.length === argv.length) return undefined;
  const [word, ...named] = others;
  const print = (document: object) => `${JSON.stringify(document, null, 2)}\n`;
  if (others.length === 1 && (word === '--version' || word === '-V'))
    return print({ command: 'version', ok: true, version, node: process.versions.node });
  const isKnown = named.length === 0 || entryOf(named) || Object.hasOwn(groups, named.join(' '));
  if (word !== 'help' || !isKnown) return undefined;
  const { helpDocument } = await import('./command-tree.ts');
  return print({ ...(await helpDocument(named)), version });
}

interface ProgramInput {
  argv: string[];
  version: string;
  io: Io;
  run: RunCommand;
}

/** The whole commander program; only the commands that `argv` names are loaded. */
async function createProgram({ argv, version, io, run }: ProgramInput): Promise<Commander> {
  const program = new Commander('dbops')
    .description(
      'Operates the Postgres behind a SaaS: migrations, backfills, seeds, checks and reports.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command, or for options or exit-codes')
    .configureHelp(helpSettings(io));
  quietly(program, argv, io);
  for (const [heading, options] of commonOptions) {
    program.optionsGroup(heading);
    for (const [notation, description] of options) program.option(notation, description);
  }
  for (const entry of commands) {
    const leaf = leafFor(program, entry, argv);
    if (!leaf || !isNamed(entry, argv)) continue;
    const { command } = await entry.load();
    configure(leaf, { entry, command, run });
  }
  const examples = ['dbops demo', 'dbops migrate status', 'dbops verify --json'];
  const topics = 'See dbops help COMMAND, dbops help options and dbops help exit-codes';
  program.addHelpText('after', footerOf(examples, topics));
  return program;
}

/** Commander's own errors are printed once, by `usageExit`, which also knows `--json`. */
function quietly(command: Commander, argv: string[], io: Io): Commander {
  const colours = (stream: Io['stdout']) => screenOf(stream, io.environment).color;
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: () => {},
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => (argv.includes('--json') ? undefined : io.stderr.write(text)),
      getOutHasColors: () => colours(io.stdout),
      getErrHasColors: () => colours(io.stderr),
    });
}

/**
 * Returns the command line that prints what `dbops help WORDS` or `dbops NOUN help VERB` asks for;
 * undefined when no help is requested. Unknown words stay, so that they are reported.
 */
function wordsOfHelp(argv: string[]): string[] | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  const [first = '', second] = words;
  const isNoun = Object.hasOwn(groups, first) && second === 'help';
  if (first !== 'help' && !isNoun) return undefined;
  const wanted = isNoun ? [first, ...words.slice(2)] : words.slice(1);
  if (isTopic(wanted[0])) return wanted;
  const named = entryOf(wanted) ?? wanted.slice(0, Object.hasOwn(groups, wanted[0] ?? '') ? 1 : 0);
  const isCommand = entryOf(wanted) !== undefined;
  const unknown = isCommand ? [] : wanted.slice(named.length, named.length + 1);
  return [...named, ...(unknown.length > 0 ? unknown : ['--help'])];
}

/** The words of the command that a command line begins with. */
function entryOf(words: readonly string[]): string[] | undefined {
  const line = [words[0], `${words[0]} ${words[1]}`];
  return commands.find((entry) => line.includes(entry.words))?.words.split(' ');
}

/** The value of an unknown option may be a database URL whose option is misspelt. */
function withoutValue(message: string): string {
  return message.replace(/(unknown option '[^=']*)=.*'/s, "$1'");
}

/**
 * Returns the commander command of an entry; verbs are only added to the requested noun, because
 * each costs time.
 */
function leafFor(
  program: Commander,
  { words, summary }: CommandEntry,
  argv: string[],
): Commander | undefined {
  const [noun = '', verb] = words.split(' ');
  const known = program.commands.find((command) => command.name() === noun);
  if (!verb) return known ?? program.command(noun).summary(summary).description(summary);
  const parent = known ?? nounOf(program, noun);
  return argv.includes(noun)
    ? parent.command(verb).summary(summary).description(summary)
    : undefined;
}

function nounOf(program: Commander, noun: string): Commander {
  return program
    .command(noun)
    .description(groups[noun] ?? '')
    .helpCommand(false)
    .addHelpText('after', footerOfNoun(noun));
}

/**
 * Returns whether `argv` contains all words of the entry, in order (flags may come between). A noun that takes a
 * name of its own is not meant where one of its verbs follows, or nothing.
 */
function isNamed({ words }: CommandEntry, argv: string[]): boolean {
  const following = argv.slice(argv.indexOf(words) + 1).find((word) => !word.startsWith('-'));
  const isAlone = following === undefined && !argv.includes('--help') && !argv.includes('-h');
  const verbs = commands.filter((other) => other.words.startsWith(`${words} `));
  if (verbs.some((verb) => isAlone || verb.words === `${words} ${following}`)) return false;
  let from = 0;
  return words.split(' ').every((word) => {
    const at = argv.indexOf(word, from);
    from = at + 1;
    return at >= 0;
  });
}

interface Leaf {
  entry: CommandEntry;
  command: Command;
  run: RunCommand;
}

function configure(leaf: Commander, { entry, command, run }: Leaf): void {
  leaf.description(command.description);
  for (const [notation, description] of command.arguments ?? [])
    leaf.argument(notation, description);
  leaf.optionsGroup('Options:');
  for (const [notation, description, repeats] of command.options ?? [])
    if (repeats) leaf.option(notation, description, collect);
    else leaf.option(notation, description);
  leaf.addHelpText('after', footerOf(command.examples));
  leaf.action(() =>
    run(entry, command, { ...leaf.optsWithGlobals(), arguments: leaf.processedArgs }),
  );
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Requested help and version are a success; any other error of commander is a usage error. */
async function usageExit(error: CommanderError, argv: string[], io: Io): Promise<ExitCode> {
  if (error.exitCode === 0) return exitCodes.done;
  const isIncomplete = error.code === 'commander.help';
  const isJson = argv.includes('--json');
  if (isIncomplete && !isJson) return exitCodes.usage; // its help is printed already
  const message = isIncomplete ? 'The command is incomplete.' : messageOf(error, argv);
  const hint = `See: dbops ${[...namedBy(argv), '--help'].join(' ')}`;
  if (isJson) {
    const document = { command: 'dbops', ok: false, error: { code: 'USAGE', message, hint } };
    io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exitCodes.usage;
  }
  const { errorToText } = await import('./output/text.ts');
  const [what = '', ...reason] = message.split('\n');
  const explained = usageError('USAGE', what, hint, reason);
  io.stderr.write(errorToText(explained, screenOf(io.stderr, io.environment), false));
  return exitCodes.usage;
}

/** What was wrong; the verb of known commands, such as in `dbops up`, is answered with those. */
function messageOf({ message: text }: CommanderError, argv: string[]): string {
  const message = withoutValue(text).replace(/^error: /, '');
  const unknown = /^unknown command '(.*?)'/.exec(message)?.[1];
  // Of an unknown command with options, commander reports the option.
  const first =
    argv[0]?.startsWith('-') === false && namedBy(argv).length === 0 ? argv[0] : undefined;
  const word = unknown ?? first;
  const meant = commands.map(({ words }) => words).filter((words) => words.endsWith(` ${word}`));
  if (word === undefined || meant.length === 0) return message;
  return `unknown command '${word}'\n(Did you mean ${meant.length > 1 ? 'one of ' : ''}${meant.join(', ')}?)`;
}

/** The words of the command or noun that a command line names. */
function namedBy(argv: string[]): string[] {
  const named = commands.filter((entry) => isNamed(entry, argv)).map(({ words }) => words);
  const noun = Object.keys(groups).find((each) => argv.includes(each));
  return (named[0] ?? noun)?.split(' ') ?? [];
}
