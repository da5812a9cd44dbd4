import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DbopsError, exitCodes } from '../errors.ts';

/**
 * Makes this process the only one that has an embedded database open: two PGlite instances on
 * one directory would overwrite each other's pages. A lock left by a killed process is taken over.
 *
 * @returns the release
 * @throws code 7 naming the process that holds it
 */
export function lockDirectory(directory: string): () => void {
  const file = `${directory}.lock`;
  mkdirSync(dirname(file), { recursive: true });
  const holder = claim(file);
  if (holder !== undefined)
    throw new DbopsError({
      code: 'LOCK.EMBEDDED',
      exitCode: exitCodes.locked,
      message: `The embedded database ${directory} is open in process ${holder}.`,
      hint: `Wait until it has finished, or look at it: ps -p ${holder}`,
    });
  held.add(file);
  return () => {
    held.delete(file);
    rmSync(file, { force: true });
  };
}

/** The lock files of this process: our pid in any other was left by an earlier container. */
const held = new Set<string>();

/** Writes our pid into the file; answers the pid of a living holder instead if there is one. */
function claim(file: string): number | undefined {
  // Written first and linked then: nobody ever reads a lock file that has no pid yet.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    for (;;) {
      try {
        linkSync(draft, file);
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = Number(readIfThere(file));
      if (holder === process.pid ? held.has(file) : holder && isAlive(holder)) return holder;
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
