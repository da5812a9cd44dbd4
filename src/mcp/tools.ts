import * as z from 'zod';
import type { RawFlags } from '../command.ts';

/** A tool of the MCP server: a command that only reads, and the arguments that it takes. */
export interface Tool {
  name: string;
  /** The command that it runs. Without such a command, the tool is not offered. */
  words: string;
  title: string;
  description: string;
  input: z.ZodObject;
  /** Returns the flags of the command. @throws ZodError for other arguments than those of `input` */
  flagsOf(given: unknown): RawFlags;
}

function tool<Shape extends z.core.$ZodShape>(
  { input, ...rest }: Omit<Tool, 'flagsOf' | 'input'> & { input: z.ZodObject<Shape> },
  toFlags: (given: z.output<z.ZodObject<Shape>>) => RawFlags = (given) => given,
): Tool {
  return { ...rest, input, flagsOf: (given) => toFlags(input.parse(given ?? {})) };
}

const words = z.array(z.string());
const month = z
  .string()
  .describe('UTC month such as 2026-11 (default: the current month)')
  .optional();
const asOf = z
  .string()
  .describe('ISO 8601 time that the report describes (default: now)')
  .optional();
const holder = z.string().describe('one holder, by name or id').optional();

/** Every tool. Each runs a command without the flags that make it write. */
export const tools: readonly Tool[] = [
  tool({
    name: 'migrate_status',
    words: 'migrate status',
    title: 'Migration status',
    description:
      'Lists the migrations of the project with their state in the database (applied, pending, edited, missing-file, failed), and where folder and tracking table disagree.',
    input: z.strictObject({}),
  }),
  tool({
    name: 'migrate_plan',
    words: 'migrate plan',
    title: 'Plan of the pending migrations',
    description:
      'Describes what the pending migrations would do to the database: statements, locks, rewrites and losses. Applies nothing.',
    input: z.strictObject({}),
  }),
  tool(
    {
      name: 'verify',
      words: 'verify',
      title: 'Verify the database',
      description:
        'Compares the database with the schema that its applied migrations produce, and checks indexes, tables, security and data. Returns findings with a help text for each.',
      input: z.strictObject({
        groups: words
          .describe('groups of checks, such as schema, indexes, security (default: all but smoke)')
          .optional(),
        only: words.describe('only these checks or groups').optional(),
        skip: words.describe('not these checks or groups').optional(),
      }),
    },
    ({ groups = [], ...rest }) => ({ ...rest, arguments: [groups] }),
  ),
  tool(
    {
      name: 'repair_tracking',
      words: 'repair-tracking',
      title: 'Which migrations are applied',
      description:
        'Proves from the schema which migrations are applied, and returns the SQL that would correct the tracking table. Changes nothing.',
      input: z.strictObject({}),
    },
    () => ({ dryRun: true }),
  ),
  tool({
    name: 'report_usage',
    words: 'report usage',
    title: 'Usage against limits',
    description:
      'Returns the usage of every declared subject and meter, against the limit of its plan.',
    input: z.strictObject({
      subject: z.string().describe('one subject, by slug or id').optional(),
      meter: z.string().describe('one meter').optional(),
      period: month,
      asOf,
    }),
  }),
  tool({
    name: 'report_credits',
    words: 'report credits',
    title: 'Credits',
    description: 'Returns the credits granted, used and left by holder and kind.',
    input: z.strictObject({ holder, asOf }),
  }),
  tool({
    name: 'report_reconcile',
    words: 'report reconcile',
    title: 'Balances that differ from the ledger',
    description: 'Returns every holder whose balance is not the sum of the credit ledger.',
    input: z.strictObject({ holder }),
  }),
  tool({
    name: 'report_list',
    words: 'report list',
    title: 'List of reports',
    description: 'Lists the reports of the project and those of dbops, with their parameters.',
    input: z.strictObject({}),
  }),
  tool(
    {
      name: 'report_named',
      words: 'report',
      title: 'Report of the project',
      description:
        'Runs a report that the project declares, in a READ ONLY transaction, and returns its rows. report_list lists the names.',
      input: z.strictObject({
        name: z.string().min(1).describe('the name of the report'),
        params: z
          .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
          .describe('values of its parameters by name')
          .optional(),
        limit: z
          .int()
          .min(1)
          .max(10_000)
          .describe('at most this many rows (default: 100)')
          .optional(),
      }),
    },
    ({ name, params = {}, limit = 100 }) => ({
      arguments: [name],
      param: Object.entries(params).map(([key, value]) => `${key}=${String(value)}`),
      limit,
      isHeld: true,
    }),
  ),
];
