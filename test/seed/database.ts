import { resolve } from 'node:path';
import { main } from '../../src/cli.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { declarationsOf } from '../../src/reference/declarations.ts';
import { prepareSets } from '../../src/seed/choose.ts';
import type { SeedCounts } from '../../src/seed/plan.ts';
import { seedOnce, type SeedRun } from '../../src/seed/transaction.ts';
import { createFilled, type Target } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { applyMigrations } from '../reports/database.ts';

const declarations = declarationsOf({ planStatuses: ['active'] });
const root = resolve(import.meta.dirname, '../..');

/** The sets of the bundled application, at `clock`. */
export function setsAt(clock: Date) {
  return prepareSets(declarations.seeds ?? {}, { root, now: clock });
}

export const now = new Date('2026-11-20T12:34:56Z');

/** A migrated database, and what a test does to it. */
export interface Trial {
  url: string;
  query: Session['query'];
  script: Session['script'];
  /** Seeds every set as the command does, at `now`. */
  seed(options?: Partial<SeedRun>): Promise<SeedCounts>;
  /** Runs `dbops` in this process. */
  dbops(...words: string[]): Promise<Answer>;
}

export interface Answer {
  code: number;
  /** stdout and stderr in one text. */
  output: string;
}

/** Runs the test with a new database that has all migrations. */
export function migrated(target: Target, test: (trial: Trial) => Promise<void>): Promise<void> {
  return withMigrated(target, async (url) => {
    let open: Promise<Session> | undefined;
    const session = () =>
      (open ??= openSession(parseTarget(url), { application: 'dbops test', path: 'DEFAULT' }));
    // An embedded database has one user at a time.
    const close = async () => (await open)?.close().then(() => (open = undefined));
    try {
      await test({
        url,
        query: async (sql, values) => (await session()).query(sql, values),
        script: async (sql) => (await session()).script(sql),
        seed: async (options) => seedAll(await session(), options),
        dbops: async (...words) => close().then(() => dbops(url, words)),
      });
    } finally {
      await close();
    }
  });
}

async function withMigrated(target: Target, test: (url: string) => Promise<void>): Promise<void> {
  const database = await createFilled(target, 'reference', (url) =>
    withSession(url, (session) => applyMigrations(session)),
  );
  try {
    await test(database.url);
  } finally {
    await database.drop();
  }
}

/** Seeds every set at `now`. */
export async function seedAll(
  session: Session,
  options: Partial<SeedRun> = {},
): Promise<SeedCounts> {
  const { signal } = new AbortController();
  const usual = {
    now,
    reset: false,
    write: true,
    allowRepeat: false,
    isGuarded: false,
    lockTimeout: 20_000,
    statementTimeout: 0,
    signal,
  };
  const all = { ...usual, ...options };
  return (await seedOnce(session, await setsAt(all.now), all)).counts;
}

/** The name of the database, as `--confirm` expects it. */
export function nameOf(url: string): string {
  return url.startsWith('pglite:') ? 'postgres' : new URL(url).pathname.slice(1);
}

/** The sum over tables. */
export function total(byTable: Record<string, number>): number {
  return Object.values(byTable).reduce((sum, rows) => sum + rows, 0);
}

/** Every table that a set fills, parents first. */
export const tables = [
  ...new Set(
    Object.values(declarations.seeds ?? {}).flatMap((set) => ('table' in set ? [set.table] : [])),
  ),
];

/** All rows of those tables with their versions: equal only if nothing was written between. */
export async function versions({ query }: Trial): Promise<Record<string, string[]>> {
  const read = async (table: string): Promise<[string, string[]]> => {
    const sql = `SELECT t.xmin || ' ' || t::text AS row FROM ${table} t ORDER BY 1`;
    return [table, (await query<{ row: string }>(sql)).map(({ row }) => row)];
  };
  const entries: [string, string[]][] = [];
  for (const table of tables) entries.push(await read(table));
  return Object.fromEntries(entries);
}

/** Runs one command line in this process. */
export async function dbops(url: string, words: string[]): Promise<Answer> {
  let output = '';
  const stream = { write: (text: string) => (output += text) };
  const code = await main([...words, '--database-url', url], {
    stdin: {},
    stdout: stream,
    stderr: stream,
    environment: { NO_COLOR: '1' },
    cwd: root,
    signal: new AbortController().signal,
  });
  return { code, output };
}
