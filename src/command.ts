import type * as z from 'zod';
import type { Context } from './context.ts';
import { usageError } from './errors.ts';
import { flagOf, issueLines } from './output/schema-messages.ts';
import type { Report, ReportData } from './report.ts';

/** What commander and the API need to know of a command, and how to run it. */
export interface Command<Data extends ReportData = ReportData, Flags = RawFlags> {
  /** One or two sentences for `--help`. */
  description: string;
  /** Positional arguments in commander's notation, such as `<name>` or `[words...]`. */
  arguments?: [notation: string, description: string][];
  /** Options beside the common ones, in commander's notation; `repeats` collects the values of several. */
  options?: [notation: string, description: string, repeats?: true][];
  /** Command lines that can be pasted. */
  examples: string[];
  /** The names of its flags, in camel case; `arguments` for positional ones. */
  names: readonly string[];
  /** @param flags by their names in camel case; others are ignored */
  run(context: Context, flags: Flags): Promise<Report<Data>>;
}

export type RawFlags = Readonly<Record<string, unknown>>;

interface Definition<Shape extends z.core.$ZodShape, Data extends ReportData> extends Omit<
  Command,
  'names' | 'run'
> {
  flags: z.ZodObject<Shape>;
  run(context: Context, flags: z.output<z.ZodObject<Shape>>): Promise<Report<Data>>;
}

/**
 * Returns a command of the program. To add one: a file in `commands/` that exports a `command`, and
 * a line in `commands/index.ts`. The file holds no SQL and no logic: it turns flags into a call of a
 * feature, and returns the feature's report.
 */
export function defineCommand<Shape extends z.core.$ZodShape, Data extends ReportData>({
  flags: schema,
  run,
  ...rest
}: Definition<Shape, Data>): Command<Data, z.input<z.ZodObject<Shape>>> {
  return {
    ...rest,
    names: Object.keys(schema.shape),
    run: async (context, flags) => run(context, parseFlags(schema, flags, context.command)),
  };
}

function parseFlags<Flags>(schema: z.ZodType<Flags>, flags: unknown, words: string): Flags {
  const parsed = schema.safeParse(flags, { jitless: true }); // parsed once
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
