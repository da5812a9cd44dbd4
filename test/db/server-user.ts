import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Who the servers run as; empty: whoever runs the tests. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

/** `nobody` when the tests run as root, which Postgres refuses. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** Whether the user gets as far as this folder or program and may enter or run it. */
export function canReach(user: ServerUser, path: string): boolean {
  if (user.uid === undefined) return true;
  return spawnSync('test', ['-x', path], user).status === 0;
}

/** A folder for temporary files that the user gets at: root's own TMPDIR may be closed. */
export function reachableTemp(user: ServerUser): string {
  const folders = [tmpdir(), '/tmp', '/var/tmp'];
  const open = folders.find((folder) => canReach(user, folder));
  if (!open) throw new Error(`user ${user.uid} can enter none of ${folders.join(', ')}`);
  return open;
}

/** Bytes that the databases of a run need at most. */
const roomForDatabases = 4 * 2 ** 30;

/**
 * Returns a folder in memory where it has room: creating a database there takes a third of the CPU time.
 * Elsewhere `reachableTemp`. The folder may forbid to run programs.
 */
export function databaseTemp(user: ServerUser): string {
  const inMemory = '/dev/shm';
  if (!existsSync(inMemory) || !canReach(user, inMemory)) return reachableTemp(user);
  const { bavail, bsize } = statfsSync(inMemory);
  return bavail * bsize > roomForDatabases ? inMemory : reachableTemp(user);
}

/** Hands a folder and all that is in it to the user. */
export function giveTo(user: ServerUser, folder: string): void {
  if (user.uid === undefined) return;
  execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
}
