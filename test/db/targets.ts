import { randomUUID } from 'node:crypto';
import { cpSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { inject, it } from 'vitest';
import { codeOf } from '../../src/db/connection-error.ts';
import { sqlstate } from '../../src/db/sqlstate.ts';
import { isLongRun } from '../cases.ts';
import type { Server } from './server.ts';
import { templateName } from './template.ts';

export type { Server } from './server.ts';
export { app } from './app-role.ts';

/** The embedded Postgres; `major` is that of the PGlite in package.json. */
export interface Embedded {
  kind: 'pglite';
  name: 'PGlite';
  major: 18;
}

export type Target = Server | Embedded;

/** A database of its own for one test. */
export interface Database {
  url: string;
  drop(): Promise<void>;
}

/** The real servers: for locks, concurrency and rights, which PGlite's one session can't show. */
export const servers: Server[] = inject('servers');

/** The newest of them: for what a tool, a folder or a process does, which is the same on every major. */
export const newest: Server[] = servers.slice(0, 1);

/** Of the majors between the oldest and the newest: for what may differ between any two. */
export const serversBetween: Server[] = inject('serversBetween');

const embedded: Embedded = { kind: 'pglite', name: 'PGlite', major: 18 };

/** Every place where dbops must work: `describe.each(targets)('… on $name', (target) => …)`. */
export const targets: Target[] = inject('pglite') ? [...servers, embedded] : servers;

/** The newest server and the embedded engine: for a suite of few tests, each of which takes the same path on every server. */
export const newestAndEmbedded: Target[] = isLongRun
  ? targets
  : targets.filter((target) => newest.includes(target as Server) || target.kind === 'pglite');

/**
 * Every target, and each server twice: for tests in turn that open their database often, which costs three
 * times as much where it is embedded.
 */
export const mostlyServers: Target[] = [...servers, ...targets];

/** Those with the catalogs of the same major version. */
export function sameCatalogs({ major }: Target): Target[] {
  return targets.filter((target) => target.major === major);
}

/**
 * Returns the cases of a table that run on this target: every case runs on one of the targets, in turn.
 * In a long run every target has all of them. For cases that take the same path on every target.
 *
 * @param among the targets on which the suite runs
 */
export function casesOn<T>(
  target: Target,
  all: readonly T[],
  among: readonly Target[] = targets,
): T[] {
  return all.filter((_, at) => runsOn(target, at, among));
}

/** Defines tests as vitest's `it` does. */
type DefineTest = Pick<typeof it, 'each'> &
  ((title: string, test: () => Promise<void>, timeout?: number) => void);

/**
 * Returns the `it` of a suite that is repeated on several targets: it defines every test, and every case of
 * a table, on one of them, in turn. In a long run every target has all of them.
 */
export function inTurn(target: Target, among: readonly Target[] = targets): DefineTest {
  let at = 0;
  const isNext = () => runsOn(target, at++, among);
  const define = (title: string, test: () => Promise<void>, timeout?: number) => {
    const run = isNext() ? it : undefined;
    run?.(title, test, timeout);
  };
  const each = (table: readonly unknown[]) => it.each(table.filter(isNext));
  return Object.assign(define, { each: each as typeof it.each });
}

function runsOn(target: Target, at: number, among: readonly Target[]): boolean {
  return isLongRun || among[at % among.length] === target;
}

/** Runs the test in a new, empty database that is removed afterwards, whatever the outcome. */
export async function withDatabase<T>(
  target: Target,
  test: (url: string) => Promise<T>,
): Promise<T> {
  const database = await createDatabase(target);
  try {
    return await test(database.url);
  } finally {
    await database.drop();
  }
}

/** A new, empty database, for `beforeAll` and `afterAll`; a test is better off with `withDatabase`. */
export function createDatabase(target: Target): Promise<Database> {
  return target.kind === 'server' ? createOnServer(target) : createInFolder();
}

const templates = new Map<string, Promise<Database>>();

/**
 * Returns a new database with what `fill` writes. It writes into a template, once in a test file for each
 * target, and every call returns a copy of that; the templates end with the run.
 *
 * @param name of the template
 */
export async function createFilled(
  target: Target,
  name: string,
  fill: (url: string) => Promise<void>,
): Promise<Database> {
  const key = `${target.name}: ${name}`;
  const template = templates.get(key) ?? createTemplate(target, fill);
  templates.set(key, template);
  const { url } = await template;
  return target.kind === 'server'
    ? createOnServer(target, new URL(url).pathname.slice(1))
    : createInFolder(url.slice('pglite:'.length));
}

async function createTemplate(target: Target, fill: (url: string) => Promise<void>) {
  const database = await createDatabase(target);
  await fill(database.url);
  return database;
}

async function createOnServer({ adminUrl }: Server, template = templateName): Promise<Database> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  // The default strategy writes all of the template to the WAL, which takes four times the CPU of a copy of its files.
  const create = (source: string) =>
    execute(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY file_copy`);
  // A server that a test starts has no template.
  await create(template).catch((error: unknown) => {
    if (template !== templateName || codeOf(error) !== sqlstate.invalidCatalogName) throw error;
    return create('template0');
  });
  const url = new URL(adminUrl);
  url.pathname = name;
  return { url: url.href, drop: () => dropOnServer(adminUrl, name) };
}

/**
 * A pool's `end()` answers before the server has closed its sessions, and one that is ended by
 * force then throws where nobody listens: those that are leaving get a moment to do so.
 */
async function dropOnServer(adminUrl: string, name: string): Promise<void> {
  const isEmpty = `NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '${name}')`;
  await execute(
    adminUrl,
    `DO $$ BEGIN FOR i IN 1..50 LOOP
      PERFORM pg_stat_clear_snapshot();
      EXIT WHEN ${isEmpty};
      PERFORM pg_sleep(0.01);
    END LOOP; END $$`,
    `DROP DATABASE ${name} WITH (FORCE)`,
  );
}

async function createInFolder(template = inject('emptyCluster')): Promise<Database> {
  const folder = await mkdtemp(join(inject('databases'), 'pglite-'));
  const data = join(folder, 'data');
  cpSync(template, data, { recursive: true });
  return { url: `pglite:${data}`, drop: () => rm(folder, { recursive: true, force: true }) };
}

async function execute(url: string, ...statements: string[]): Promise<void> {
  const client = await administrator(url);
  for (const sql of statements) await client.query(sql);
}

const administrators = new Map<string, Promise<pg.Client>>();

/** The connection that creates and drops the databases of a test file; it ends with the process. */
function administrator(url: string): Promise<pg.Client> {
  const known = administrators.get(url) ?? connect(url);
  administrators.set(url, known);
  return known;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  // After a test has crashed the server, the next database gets a new connection.
  client.on('error', () => administrators.delete(url));
  await client.connect();
  return client;
}
