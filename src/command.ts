import type * as z from 'zod';
import type { Context } from './context.ts';
import { usageError } from './errors.ts';
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
 * One command of the program. To add one: a file here that exports a `command`, and a line in
 * `index.ts`. The file holds no SQL and no colour: it turns flags into a feature's call and its
 * result into a report.
 */
export function defineCommand<Flags>({ flags: schema, run, ...rest }: Definition<Flags>): Command {
  return { ...rest, run: async (context, flags) => run(context, parseFlags(schema, flags)) };
}

function parseFlags<Flags>(schema: z.ZodType<Flags>, flags: RawFlags): Flags {
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues.map(({ path, message }) => `${flagName(path)}: ${message}`);
  throw usageError(
    'USAGE',
    'The options can not be used.',
    'Correct them; --help lists what the command takes.',
    reason,
  );
}

function flagName([first, ...rest]: PropertyKey[]): string {
  if (first === 'arguments') return `argument ${Number(rest[0] ?? 0) + 1}`;
  return `--${String(first).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A line of `index.ts`: enough for the help of the level above, without loading the command. */
export interface CommandEntry {
  words: string;
  summary: string;
  load: () => Promise<{ command: Command }>;
}
