import * as z from 'zod';
import type { Definitions } from './backfill/definition.ts';
import type { Declarations } from './declarations.ts';
import { duration } from './declared/definition.ts';
import { usageError } from './errors.ts';
import { parseTableName } from './formats/shared/tracking-table.ts';
import { flagOf, issueLines } from './output/issues.ts';
import { isDeclaration, parseDeclarations } from './parse-declarations.ts';

const tableName = z.string().transform((value, context) => {
  const parsed = parseTableName(value);
  if (parsed) return parsed;
  context.addIssue({ code: 'custom', message: 'expected TABLE, SCHEMA.TABLE or "SCHEMA"."TABLE"' });
  return z.NEVER;
});

/** The settings of `dbops.config.*`; the same names, in kebab case, are flags. */
export const settingsSchema = z.strictObject({
  $schema: z.string().optional(),
  databaseUrl: z.string().optional(),
  migrations: z.string().optional(),
  format: z.string().optional(),
  trackingTable: tableName.optional(),
  shadowUrl: z.string().optional(),
  shadowPrelude: z.string().optional(),
  lockTimeout: duration.optional(),
  statementTimeout: duration.optional(),
  waitForDatabase: duration.optional(),
  planStatuses: z.array(z.string()).min(1).optional(),
  schemaFile: z.string().min(1).optional(),
  schemas: z.array(z.string()).min(1).optional(),
  ignore: z.array(z.string()).optional(),
  plan: z
    .strictObject({ maxBlocked: duration.optional(), maxDuration: duration.optional() })
    .optional(),
});

/** What is parsed once is not worth a function compiled for it. */
const once = { jitless: true };

/** Returns the settings among the flags. @throws usage error that lists every problem */
export function parseFlags(flags: Readonly<Record<string, unknown>>) {
  const parsed = settingsSchema.safeParse(flags, once);
  if (parsed.success) return parsed.data;
  const reason = issueLines(parsed.error, flagOf);
  throw usageError('USAGE', 'Invalid options.', 'See: dbops help options', reason);
}

/** What the configuration file contains. */
export interface FileSettings extends z.output<typeof settingsSchema> {
  declared: Declarations;
  /** Beside the settings, because the engine of backfills reads them without the other declarations. */
  backfills?: Definitions;
}

/** Returns the content of the file. @throws usage error that lists every problem of it */
export async function parseFile(input: unknown, file: string): Promise<FileSettings> {
  const given = z.record(z.string(), z.unknown()).catch({}).parse(input);
  const others = Object.entries(given).filter(([key]) => !isDeclaration(key));
  const settings = settingsSchema.safeParse(
    isObject(input) ? Object.fromEntries(others) : input,
    once,
  );
  const { problems, ...declarations } = await parseDeclarations(given);
  if (settings.success && problems.length === 0) return { ...settings.data, ...declarations };
  throw usageError(
    'CONFIG.INVALID',
    `Invalid settings in ${file}.`,
    'Correct the settings above; docs/configuration.md lists every setting.',
    [...(settings.error ? issueLines(settings.error) : []), ...problems],
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
