import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { chooseTargets } from './choice.ts';
import type { HostMessage } from './host.ts';
import type { Server } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    servers: Server[];
    serversBetween: Server[];
    pglite: boolean;
    scratch: string;
    /** A folder for embedded databases, in memory where there is room. */
    databases: string;
    /** A directory of the embedded Postgres, to copy: quicker than one that it makes itself. */
    emptyCluster: string;
  }
}

/** Starts the servers once for the whole run and hands their addresses to the tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const choice = chooseTargets();
  if (choice.leftOut.length > 0) {
    process.stderr.write(`DBOPS_TARGETS leaves out: ${choice.leftOut.join(', ')}\n`);
  }
  // Detached, so that Ctrl-C reaches only the run: the host ends what it hosts in good order.
  const majors = [...choice.majors, ...choice.between];
  const host = fork(join(import.meta.dirname, 'host.ts'), majors.map(String), {
    detached: true,
  });
  const hosted = await answerOf(host);
  if ('failure' in hosted) throw new Error(hosted.failure);
  const ofMajors = (wanted: number[]) =>
    hosted.servers.filter(({ major }) => wanted.includes(major));
  project.provide('servers', ofMajors(choice.majors));
  project.provide('serversBetween', ofMajors(choice.between));
  project.provide('pglite', choice.pglite);
  project.provide('scratch', hosted.scratch);
  project.provide('databases', hosted.databases);
  project.provide('emptyCluster', hosted.emptyCluster);
  return () => dismiss(host);
}

function answerOf(host: ChildProcess): Promise<HostMessage> {
  return new Promise((resolve, reject) => {
    host.once('message', (message: HostMessage) => resolve(message));
    host.once('error', reject);
    host.once('exit', (code) => reject(new Error(`test/db/host.ts ended with code ${code}`)));
  });
}

async function dismiss(host: ChildProcess): Promise<void> {
  if (!host.connected) return;
  host.disconnect();
  await once(host, 'exit');
}
