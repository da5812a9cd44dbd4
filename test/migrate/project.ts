import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import * as z from 'zod';
import { folderOf, program, runCli, startShell, type Answer } from '../cli/run-cli.ts';
import { withDatabase, type Server, type Target } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

type Files = Record<string, string>;

/** A folder of migrations and a database, both of one test. */
export interface Project {
  url: string;
  /** The working directory of `dbops`; the migrations are in `migrations`. */
  root: string;
  /** Adds or replaces files of the folder of migrations. */
  write(files: Files): void;
  /** Runs `dbops` in this process. */
  dbops(...words: string[]): Promise<Answer>;
  /** Runs `dbops … --json`. */
  json(...words: string[]): Promise<Document>;
  /** Starts the built `dbops` in a process of its own. */
  start(...words: string[]): Running;
  query<R extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
}

export type Queryable = Pick<Project, 'query'>;

export interface Running {
  child: ChildProcess;
  answer: Promise<Answer>;
}

const document = z.looseObject({
  ok: z.boolean(),
  migrations: z
    .array(z.looseObject({ name: z.string(), state: z.string().default('') }))
    .default([]),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});

export type Document = z.infer<typeof document> & { exitCode: number | null };

/** Runs the test with these migrations and an empty database. */
export function withProject(
  target: Target,
  files: Files,
  test: (project: Project) => Promise<void>,
): Promise<void> {
  return withDatabase(target, async (url) => test(projectOn(url, writeFolder(files))));
}

/**
 * As `withProject`, with the shadow databases on the server of the project, where one takes a fifth of the CPU
 * time of an embedded one. For tests that are not about where a shadow is.
 */
export function withServerShadow(
  server: Server,
  files: Files,
  test: (project: Project) => Promise<void>,
): Promise<void> {
  return withProject(server, files, async (project) => {
    writeInto(project.root, shadowsOn(server));
    await test(project);
  });
}

/** The configuration that creates the shadow databases on a server, to write into a project. */
export function shadowsOn({ adminUrl }: Server): Files {
  return { 'dbops.config.json': JSON.stringify({ shadowUrl: adminUrl }) };
}

/** As `withProject`, with the shadow databases where they take the least CPU time: on a server, where there is one. */
export function withAnyShadow(
  target: Target,
  files: Files,
  test: (project: Project) => Promise<void>,
): Promise<void> {
  return target.kind === 'server'
    ? withServerShadow(target, files, test)
    : withProject(target, files, test);
}

/** The same folder on another database. */
export function projectOn(url: string, root: string): Project {
  const surroundings = { environment: { DATABASE_URL: url, NO_COLOR: '1' }, cwd: root };
  const dbops = (...words: string[]) => runCli(words, surroundings);
  return {
    url,
    root,
    write: (files) => writeInto(root, within('migrations', files)),
    dbops,
    async json(...words) {
      const { exitCode, stdout } = await dbops(...words, '--json');
      return { ...document.parse(JSON.parse(stdout)), exitCode };
    },
    start: (...words) =>
      startShell(`exec ${program} ${words.map((word) => `'${word}'`).join(' ')}`, surroundings),
    query: (sql, values) => withSession(url, (session) => session.query(sql, values)),
  };
}

/** The bundled folder, for a project that uses it where it is. */
export const bundledFolder = {
  'dbops.config.json': JSON.stringify({
    migrations: resolve(import.meta.dirname, '../../migrations'),
  }),
};

/** The file of the backfill `organization-id`, for a folder that is not the bundled one. */
export const organizationId = {
  'backfills/organization-id.json': readFileSync(
    resolve(import.meta.dirname, '../fixtures/e-commerce/backfills/organization-id.json'),
    'utf8',
  ),
};

/** A project folder with these files in `migrations`. */
export function writeFolder(files: Files): string {
  const root = writeProject(within('migrations', files));
  mkdirSync(join(root, 'migrations'), { recursive: true });
  return root;
}

/** A project folder with these files; modules in it find `kysely` and the other tools. */
export function writeProject(files: Files): string {
  const root = folderOf(files);
  symlinkSync(resolve(import.meta.dirname, '../../node_modules'), join(root, 'node_modules'));
  return root;
}

/** Adds or replaces files of a project. */
export function writeInto(root: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

function within(folder: string, files: Files): Files {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]),
  );
}

/** Names of migrations by state, such as `{ applied: ['0001_a'] }`. */
export function byState({ migrations }: Document): Record<string, string[]> {
  const states: Record<string, string[]> = {};
  for (const { name, state } of migrations) (states[state] ??= []).push(name);
  return states;
}

/** The names in the tracking table, in the order of application. */
export async function tracked({ query }: Queryable): Promise<string[]> {
  const rows = await query<{ name: string }>(
    'SELECT name FROM dbops.migrations ORDER BY applied_at, name',
  );
  return rows.map(({ name }) => name);
}

/** Whether a table or an index is there. */
export async function exists({ query }: Queryable, name: string): Promise<boolean> {
  const rows = await query('SELECT WHERE to_regclass($1) IS NOT NULL', [name]);
  return rows.length === 1;
}

/** A connection beside those of dbops, on a real server. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>) {
  const client = new pg.Client({ connectionString: url, application_name: 'the application' });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Asks until the answer is truthy. */
export async function until<T>(ask: () => Promise<T>, patience = 15_000): Promise<NonNullable<T>> {
  for (const deadline = Date.now() + patience; ;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${patience} ms: ${ask.toString()}`);
    await sleep(20);
  }
}

/** Waits until a session of dbops runs a statement like this one; answers its pid. */
export function untilRunning(client: pg.Client, pattern: string): Promise<number> {
  return until(async () => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
         AND application_name LIKE 'dbops%' AND query LIKE $1`,
      [pattern],
    );
    return rows[0]?.pid;
  });
}
