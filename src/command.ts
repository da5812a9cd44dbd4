import type * as z from 'zod';
import type { Context } from './context.ts';
import { usageError } from './errors.ts';
import { flagOf, issueLines } from './output/issues.ts';
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
  /** The flags of a call without any, where these are known without the schema. */
  defaults?: RawFlags;
  /** @param flags by their names in camel case; others are ignored */
  run(context: Context, flags: Flags): Promise<Report<Data>>;
}

export type RawFlags = Readonly<Record<string, unknown>>;

interface Definition<Shape extends z.core.$ZodShape, Data extends ReportData> extends Omit<
  Command,
  'names' | 'defaults' | 'run'
> {
  flags: z.ZodObject<Shape> | DeferredFlags<Shape>;
  run(context: Context, flags: z.output<z.ZodObject<Shape>>): Promise<Report<Data>>;
}

/** The flags of a command that is often called without any: their schema is loaded when one is given. */
export interface DeferredFlags<Shape extends z.core.$ZodShape> {
  /** What the schema returns when no flag is given; every flag is named. */
  defaults: z.output<z.ZodObject<Shape>>;
  load: () => Promise<z.ZodObject<Shape>>;
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
    names: Object.keys('load' in schema ? schema.defaults : schema.shape),
    ...('load' in schema && { defaults: schema.defaults }),
    run: async (context, flags) => run(context, await flagsOf(schema, flags, context.command)),
  };
}

async function flagsOf<Shape extends z.core.$ZodShape>(
  schema: z.ZodObject<Shape> | DeferredFlags<Shape>,
  flags: RawFlags,
  words: string,
): Promise<z.output<z.ZodObject<Shape>>> {
  if (!('load' in schema)) return parseFlags(schema, flags, words);
  const { defaults, load } = schema;
  const isGiven = ([name, value]: [string, unknown]) =>
    flags[name] !== undefined && flags[name] !== value;
  return Object.entries(defaults).some(isGiven) ? parseFlags(await load(), flags, words) : defaults;
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
