import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programsFor } from '../test/db/binaries.ts';
import { createCluster } from '../test/db/cluster.ts';
import { giveTo, reachableTemp, serverUser, type ServerUser } from '../test/db/server-user.ts';

/** The one that everything is measured on. */
export const newest = 18;

/**
 * Everything about durability is the server's default: fsync, full_page_writes and
 * synchronous_commit are on. Autovacuum would visit one contestant and spare the next.
 */
const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', autovacuum: 'off' };

export interface BenchServer {
  /** `postgres://…` without a database. */
  url: string;
  stop(): Promise<void>;
}

/** Gives `work` a new server, in a folder that is gone afterwards. */
export async function onNewServer(
  name: string,
  work: (server: BenchServer, folder: string) => Promise<void>,
): Promise<void> {
  const user = serverUser();
  const folder = await mkdtemp(join(reachableTemp(user), `dbops-${name}-`));
  giveTo(user, folder);
  try {
    const server = await startServer(folder, user);
    try {
      await work(server, folder);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts a server on a new cluster below `folder`. */
export async function startServer(
  folder: string,
  user: ServerUser,
  major = newest,
): Promise<BenchServer> {
  const home = join(folder, `server-${major}`);
  await mkdir(home);
  const programs = programsFor(user, major, home);
  giveTo(user, home);
  const data = join(home, 'data');
  await createCluster(join(programs, 'initdb'), data, user);
  const port = await freePort();
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const log = join(folder, `server-${major}.log`);
  const file = await open(log, 'w');
  const postgres = spawn(join(programs, 'postgres'), ['-D', data, '-p', `${port}`, ...flags], {
    ...user,
    cwd: data,
    stdio: ['ignore', file.fd, file.fd],
  });
  await file.close();
  await untilReady(postgres, log, major);
  return { url: `postgres://postgres@127.0.0.1:${port}`, stop: () => end(postgres) };
}

async function untilReady(postgres: ChildProcess, log: string, major: number): Promise<void> {
  for (;;) {
    const text = await readFile(log, 'utf8');
    if (text.includes('ready to accept connections')) return;
    if (postgres.exitCode !== null) throw new Error(`PostgreSQL ${major} ended:\n${text}`);
    await sleep(50);
  }
}

/** Ends the server at once: its data goes with it. */
async function end(postgres: ChildProcess): Promise<void> {
  if (postgres.exitCode !== null || postgres.signalCode !== null) return;
  postgres.kill('SIGQUIT');
  await once(postgres, 'exit');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
