import { commands, groups } from './commands/index.ts';
import { commonOptions, exitCodeLines } from './output/help.ts';

/** An option, of `dbops help --json` and of completion. */
export interface OptionDescription {
  /** With its dashes, such as `--to`. */
  name: string;
  /** The short form, such as `-q`. */
  short?: string;
  /** The placeholder of its value; absent for a switch. */
  value?: string;
  /** Whether several values may follow. */
  variadic: boolean;
  description: string;
}

export interface ArgumentDescription {
  name: string;
  required: boolean;
  variadic: boolean;
  description: string;
}

export interface CommandDescription {
  /** The words of the command, such as `migrate up`. */
  words: string;
  summary: string;
  description: string;
  arguments: ArgumentDescription[];
  options: OptionDescription[];
  examples: string[];
}

/** Returns the commands whose words begin with `words`; all where it is empty. Loads only those. */
export async function describeCommands(words: readonly string[]): Promise<CommandDescription[]> {
  const line = words.join(' ');
  const wanted = commands.filter(
    (entry) => line === '' || entry.words === line || entry.words.startsWith(`${line} `),
  );
  return Promise.all(
    wanted.map(async ({ words: name, summary, load }) => {
      const { command } = await load();
      return {
        words: name,
        summary,
        description: command.description,
        arguments: (command.arguments ?? []).map(describeArgument),
        options: (command.options ?? []).map(describeOption),
        examples: command.examples,
      };
    }),
  );
}

/** Returns the options that every command takes. */
export function describeCommonOptions(): OptionDescription[] {
  return commonOptions.flatMap(([, options]) => options.map(describeOption));
}

/** Returns the document of `dbops help --json`, without the version. */
export async function helpDocument(words: readonly string[]) {
  return {
    command: 'help',
    ok: true,
    groups,
    commands: await describeCommands(words),
    commonOptions: describeCommonOptions(),
    exitCodes: exitCodeLines.map(([code, meaning]) => ({ code: Number(code), meaning })),
  };
}

function describeOption([notation, description]: readonly [
  string,
  string,
  ...unknown[],
]): OptionDescription {
  const [, short, name = '', placeholder] =
    /^(?:(-\w), )?(--[\w-]+)(?: [<[]([^>\]]+)[>\]])?$/.exec(notation) ?? [];
  const value = placeholder?.replace(/\.\.\.$/, '');
  return {
    name,
    ...(short && { short }),
    ...(value && { value }),
    variadic: placeholder?.endsWith('...') ?? false,
    description,
  };
}

function describeArgument([notation, description]: [string, string]): ArgumentDescription {
  return {
    name: notation.replaceAll(/[<>[\]]|\.\.\./g, ''),
    required: notation.startsWith('<'),
    variadic: notation.includes('...'),
    description,
  };
}
