import { resolve } from 'node:path';
import * as z from 'zod';
import { withSession } from '../db/session.ts';
import { createDatabase, createFilled, type Database, type Target } from '../db/targets.ts';
import { runCli } from '../cli/run-cli.ts';

/** The migrations of the reference schema. */
export const reference = resolve(import.meta.dirname, '../../migrations');

const finding = z.strictObject({
  code: z.string(),
  severity: z.enum(['error', 'warning', 'info']),
  message: z.string(),
  help: z.string(),
  where: z.strictObject({
    object: z.string(),
    migration: z.string().min(1).optional(),
    file: z.string().min(1),
    line: z.int().min(1),
    endLine: z.int().min(1),
  }),
  key: z.string(),
  fix: z.string().optional(),
  definitions: z
    .strictObject({ expected: z.string().optional(), live: z.string().optional() })
    .optional(),
});

const severities = z.strictObject({ error: z.int(), warning: z.int(), info: z.int() });

/** What the contract promises of `verify --json`. */
const document = z.strictObject({
  command: z.literal('verify'),
  ok: z.boolean(),
  target: z.strictObject({
    kind: z.enum(['postgres', 'pglite']),
    host: z.string().nullable(),
    database: z.string(),
    version: z.string(),
  }),
  findings: z.array(finding).optional(),
  counts: severities.optional(),
  known: z.int().optional(),
  allowed: z.int().optional(),
  ignored: z.int().optional(),
  stale: z.array(z.string()).optional(),
  omitted: z.record(z.string(), z.int()).optional(),
  dataChecks: z.strictObject({ declared: z.int(), run: z.int() }).optional(),
  probes: z.strictObject({ declared: z.int(), run: z.int() }).optional(),
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});

/** A database with migrations, and what a test does to it. */
export interface Trial {
  url: string;
  migrations: string;
  /** Runs statements by hand, each in a message of its own where an array is given. */
  sql(statements: string | string[]): Promise<void>;
  /** Runs `dbops verify --json`. */
  verify(options?: VerifyOptions): Promise<Verified>;
  /** What `dbops verify` lists without `--verbose`, as `code object`: errors and warnings. */
  findings(options?: VerifyOptions): Promise<string[]>;
  migrateUp(...flags: string[]): Promise<void>;
}

interface VerifyOptions {
  words?: string[];
  environment?: Record<string, string>;
}

export type Verified = z.infer<typeof document> & { exitCode: number | null };

/** A trial of a database that is there. */
export function trialOf(url: string, migrations: string): Trial {
  const at = ['--database-url', url, '--migrations', migrations];
  const verify = async ({ words = [], environment = {} }: VerifyOptions = {}) => {
    const { exitCode, stdout, stderr } = await runCli(['verify', ...words, '--json', ...at], {
      environment,
    });
    if (!stdout) throw new Error(stderr);
    return { exitCode, ...document.parse(JSON.parse(stdout)) };
  };
  return {
    url,
    migrations,
    verify,
    sql: (statements) =>
      withSession(url, async (session) => {
        for (const statement of [statements].flat()) await session.script(statement);
      }),
    async findings(options) {
      const { findings, error } = await verify(options);
      if (error) throw new Error(error.message);
      const listed = (findings ?? []).filter(({ severity }) => severity !== 'info');
      return listed.map(({ code, where }) => `${code} ${where.object}`);
    },
    async migrateUp(...flags) {
      const { exitCode, stderr } = await runCli(['migrate', 'up', ...flags, ...at]);
      if (exitCode !== 0) throw new Error(stderr);
    },
  };
}

/** A new database that has the migrations of the reference schema. */
function createMigrated(target: Target): Promise<Database> {
  return createFilled(target, 'reference', (url) => trialOf(url, reference).migrateUp());
}

/** Runs the test on a new database that has the migrations of a folder. */
export async function migrated<T>(
  target: Target,
  migrations: string,
  test: (trial: Trial) => Promise<T>,
): Promise<T> {
  const isReference = migrations === reference;
  const { url, drop } = await (isReference ? createMigrated : createDatabase)(target);
  try {
    const trial = trialOf(url, migrations);
    if (!isReference) await trial.migrateUp();
    return await test(trial);
  } finally {
    await drop();
  }
}
