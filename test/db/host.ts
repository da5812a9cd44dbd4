// A process of its own that hosts what a test run needs, and ends with the run however that
// ends: vitest leaves on SIGINT and SIGKILL without tearing down, but then the channel closes.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createAppRole } from './app-role.ts';
import { type RunningServer, type Server, startServer } from './server.ts';
import { createTemplate } from './template.ts';
import { databaseTemp, giveTo, reachableTemp, serverUser } from './server-user.ts';

/** What the host tells the test run, once. */
export type HostMessage =
  | { servers: Server[]; scratch: string; databases: string; emptyCluster: string }
  | { failure: string };

const runEnded = once(process, 'disconnect');
const user = serverUser();
const folder = await mkdtemp(join(reachableTemp(user), 'dbops-test-'));
giveTo(user, folder);
const databases = await mkdtemp(join(databaseTemp(user), 'dbops-test-'));
giveTo(user, databases);
const running: RunningServer[] = [];

try {
  const scratch = join(folder, 'scratch');
  const emptyCluster = join(databases, 'pglite');
  await Promise.all([scratch, emptyCluster].map((each) => mkdir(each)));
  execFileSync('tar', ['-xf', 'dist/pglite-cluster.tar', '-C', emptyCluster], { stdio: 'pipe' });
  await startAll(process.argv.slice(2).map(Number));
  const servers = running.map(({ server }) => server);
  await Promise.all(
    servers.flatMap(({ adminUrl }) => [createAppRole(adminUrl), createTemplate(adminUrl)]),
  );
  tell({ servers, scratch, databases, emptyCluster });
  await runEnded;
} catch (error) {
  tell({ failure: messageOf(error) });
} finally {
  await Promise.all(running.map(({ stop }) => stop()));
  await Promise.all([folder, databases].map((each) => rm(each, { recursive: true, force: true })));
  if (process.connected) process.disconnect();
}

/** Waits for every server before it fails, so that those that did start are ended. */
async function startAll(majors: number[]): Promise<void> {
  const starts = await Promise.allSettled(
    majors.map((major) => startServer(major, folder, user, databases)),
  );
  const failures: string[] = [];
  for (const start of starts) {
    if (start.status === 'fulfilled') running.push(start.value);
    else failures.push(messageOf(start.reason));
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

function tell(message: HostMessage): void {
  if (process.connected) process.send?.(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
