import { Command as Commander, CommanderError, type Help } from 'commander';
import { commands, groups } from './commands/index.ts';
import type { Command, CommandEntry } from './command.ts';
import type { Io } from './context.ts';
import { exitCodes, unhandled, type ExitCode } from './errors.ts';
import { redacting } from './output/terminal.ts';

declare const DBOPS_VERSION: string | undefined;

const commonOptions: [group: string, options: [string, string][]][] = [
  [
    'Connection:',
    [
      ['--database-url <url>', 'postgres://…, pglite:DIR (embedded) or pglite:memory'],
      ['--lock-timeout <duration>', 'how long a statement waits for a lock (default 2s)'],
      ['--statement-timeout <duration>', 'how long a statement may run (default: no limit)'],
      ['--shadow-url <url>', 'a real server for shadow replays instead of the embedded one'],
    ],
  ],
  [
    'Project:',
    [
      ['--migrations <dir>', 'the folder of migrations'],
      ['--format <name>', "the folder's format"],
      ['--tracking-table <name>', "[SCHEMA.]TABLE, when it is not the tool's default"],
      ['--config <file>', 'default: dbops.config.{ts,mts,js,mjs,json} upwards from here'],
    ],
  ],
  [
    'Output:',
    [
      ['--json', 'one JSON document on stdout'],
      ['-q, --quiet', 'less on stderr'],
      ['-v, --verbose', 'more on stderr'],
    ],
  ],
  [
    'Safety:',
    [
      ['-y, --yes', 'answer ordinary questions with yes'],
      ['--no-input', 'never prompt'],
      [
        '--confirm <database>',
        'consent to losing data, or to acting on a protected database, by its name',
      ],
    ],
  ],
];

type Run = (entry: CommandEntry, command: Command, flags: Record<string, unknown>) => Promise<void>;

/**
 * Runs one command line.
 *
 * @param argv the arguments without `node` and the script
 * @returns the exit code; never throws and never exits
 */
export async function main(argv: string[], outer: Omit<Io, 'secrets'>): Promise<ExitCode> {
  const secrets: string[] = [];
  const io: Io = {
    ...outer,
    secrets,
    stdout: redacting(outer.stdout, secrets),
    stderr: redacting(outer.stderr, secrets),
  };
  let exitCode: ExitCode = exitCodes.done;
  const run: Run = async (entry, command, flags) => {
    const { execute } = await import('./execute.ts');
    exitCode = await execute({ words: entry.words, command, flags, io });
  };
  try {
    const program = await createProgram(argv, io, run);
    const work = program.parseAsync(argv, { from: 'user' });
    await Promise.race([work, ...(outer.stray ? [outer.stray.catch(rethrown)] : [])]);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv, io);
    const { reportCrash } = await import('./execute.ts');
    return reportCrash(error, argv, io);
  }
}

function rethrown(error: unknown): never {
  throw unhandled(error);
}

/** The whole commander program; only the commands that `argv` names are loaded. */
export async function createProgram(argv: string[], io: Io, run: Run): Promise<Commander> {
  const program = new Commander('dbops')
    .description(
      'Operates the Postgres behind a SaaS: migrations, backfills, seeds, checks and reports.',
    )
    .version(typeof DBOPS_VERSION === 'string' ? DBOPS_VERSION : '0.0.0-source', '--version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({
      showGlobalOptions: true,
      ...(io.stdout.columns && { helpWidth: io.stdout.columns }),
    } satisfies Partial<Help>);
  quietly(program, argv, io);
  for (const [heading, options] of commonOptions) {
    program.optionsGroup(heading);
    for (const [notation, description] of options) program.option(notation, description);
  }
  for (const entry of commands) {
    const leaf = leafFor(program, entry, argv);
    if (leaf && isNamed(entry, argv)) configure(leaf, entry, (await entry.load()).command, run);
  }
  program.addHelpText(
    'after',
    `\nExit codes: 0 done · 1 failed · 2 usage · 3 unreachable · 4 findings · 5 pending · 6 tracking disagrees · 7 locked · 130 interrupted\n\nExamples:\n  dbops demo\n  dbops migrate status\n  dbops verify --json`,
  );
  return program;
}

/** Commander's own errors are printed once, by `usageExit`, which also knows `--json`. */
function quietly(command: Commander, argv: string[], io: Io): Commander {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'error ')),
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) =>
        argv.includes('--json') ? undefined : io.stderr.write(withoutValue(text)),
    });
}

/** The value of an unknown option may be a database URL whose option is misspelt. */
function withoutValue(message: string): string {
  return message.replace(/(unknown option '[^=']*)=.*'/s, "$1'");
}

/** The commander command of an entry; verbs only of a noun that is asked for: each costs time. */
function leafFor(
  program: Commander,
  { words, summary }: CommandEntry,
  argv: string[],
): Commander | undefined {
  const [noun = '', verb] = words.split(' ');
  if (!verb) return program.command(noun).summary(summary).description(summary);
  const known = program.commands.find((command) => command.name() === noun);
  const parent = known ?? program.command(noun).description(groups[noun] ?? '');
  return argv.includes(noun)
    ? parent.command(verb).summary(summary).description(summary)
    : undefined;
}

/** Whether all words of the entry stand in `argv` in their order (flags may stand between). */
function isNamed({ words }: CommandEntry, argv: string[]): boolean {
  let from = 0;
  return words.split(' ').every((word) => {
    const at = argv.indexOf(word, from);
    from = at + 1;
    return at >= 0;
  });
}

function configure(leaf: Commander, entry: CommandEntry, command: Command, run: Run): void {
  leaf.description(command.description);
  for (const [notation, description] of command.arguments ?? [])
    leaf.argument(notation, description);
  leaf.optionsGroup('Options:');
  for (const [notation, description] of command.options ?? []) leaf.option(notation, description);
  leaf.addHelpText(
    'after',
    `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`,
  );
  leaf.action(() =>
    run(entry, command, { ...leaf.optsWithGlobals(), arguments: leaf.processedArgs }),
  );
}

/** Help and version asked for are a success; everything else of commander's is a usage error. */
function usageExit(error: CommanderError, argv: string[], io: Io): ExitCode {
  if (error.exitCode === 0) return exitCodes.done;
  const isIncomplete = error.code === 'commander.help';
  if (argv.includes('--json')) {
    const message = isIncomplete
      ? 'The command is not complete.'
      : withoutValue(error.message).replace(/^error: /, '');
    const document = {
      command: 'dbops',
      ok: false,
      error: { code: 'USAGE', message, hint: 'See: dbops --help' },
    };
    io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else if (!isIncomplete) io.stderr.write('  → See: dbops --help, or dbops COMMAND --help\n');
  return exitCodes.usage;
}
