import type * as z from 'zod';
import type { Context } from './context.ts';
import { usageError } from './errors.ts';
import { flagOf, issueLines } from './output/schema-messages.ts';
import type { Report } from './report.ts';

/** What commander needs to know of a command, and how to run it. */
export interface Command {
  /** One or two sentences for `--help`. */
  description: string;
  /** Positional arguments in commander's notation, such as `<name>` or `[words...]`. */
  arguments?: [notation: string, description: string][];
  /** Options beside the common ones, in commander's notation. */
  options?: [notation: string, description: string][];
  /** Command lines that can be pasted. */
  examples: string[];
  /** @param flags as commander parsed them, in camel case; positional ones under `arguments` */
  run(context: Context, flags: RawFlags): Promise<Report>;
}

export type RawFlags = Readonly<Record<string, unknown>>;

interface Definition<Flags> extends Omit<Command, 'run'> {
  flags: z.ZodType<Flags>;
  run(context: Context, flags: Flags): Promise<Report>;
}

/**
 * Returns a command of the program. To add one: a file in `commands/` that exports a `command`, and
 * a line in `commands/index.ts`. The file holds no SQL and no logic: it turns flags into a call of a
 * feature, and returns the feature's report.
 */
export function defineCommand<Flags>({ flags: schema, run, ...rest }: Definition<Flags>): Command {
  return {
    ...rest,
    run: async (context, flags) => run(context, parseFlags(schema, flags, context.command)),
  };
}

function parseFlags<Flags>(schema: z.ZodType<Flags>, flags: RawFlags, words: string): Flags {
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  const reason = issueLines(parsed.error, flagOf);
  throw usageError('USAGE', 'Invalid options.', `See: dbops ${words} --help`, reason);
}

/** A line of `commands/index.ts`: what the help of the noun needs, without loading the command. */
export interface CommandEntry {
  words: string;
  summary: string;
  load: () => Promise<{ command: Command }>;
}
