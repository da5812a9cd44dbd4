import { randomUUID } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from './connection-error.ts';
import { identify, pidOf } from './processes.ts';
import { DbopsError, exitCodes } from '../errors.ts';

export interface DirectoryLock {
  /** Adds the process that has the files open: the lock lasts as long as either of the two runs. */
  share(pid: number): void;
  release(): void;
}

/** Milliseconds that the engine of a killed process has to end: it does so at once. */
const patience = 10_000;

/**
 * Makes this process the only one that has an embedded database open: two PGlite instances on
 * one directory would overwrite each other's pages.
 *
 * The lock is a directory with one file for each process that holds it. It is put in place by
 * `rename`, which succeeds only where there is no directory or an empty one. A dead holder's file is
 * removed by its own name, which nobody else ever has: however many processes take over at once, none
 * removes the lock of another.
 *
 * @throws DbopsError with exit code 7 that names the process that holds it
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const place = `${directory}.lock`;
  mkdirSync(dirname(place), { recursive: true });
  for (const deadline = Date.now() + patience; ; await sleep(10)) {
    const holders = claim(place);
    if (holders.length === 0) return held(place);
    const [holder = ''] = holders;
    if (!isEngine(holder) || Date.now() > deadline) throw isOpen(directory, pidOf(holder));
  }
}

/** @returns the living processes that hold the lock; none once it is ours */
function claim(place: string): string[] {
  const draft = `${place}.${process.pid}.${randomUUID().slice(0, 8)}`;
  mkdirSync(draft);
  writeFileSync(join(draft, ownName()), '');
  try {
    for (;;) {
      if (putInPlace(draft, place)) return [];
      const names = namesIn(place);
      const living = names.filter(isLiving);
      if (living.length > 0) return living.toSorted(commandsFirst);
      for (const name of names) rmSync(join(place, name), { force: true });
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function putInPlace(draft: string, place: string): boolean {
  try {
    renameSync(draft, place);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') removeFile(place);
    else if (!occupied.has(codeOf(error))) throw error;
    return false;
  }
}

const occupied = new Set(['ENOTEMPTY', 'EEXIST']);

/** Earlier versions wrote a file with a number in it. `unlink` never removes a directory. */
function removeFile(place: string): void {
  if (!lstatSync(place, { throwIfNoEntry: false })?.isDirectory()) rmSync(place, { force: true });
}

function held(place: string): DirectoryLock {
  const names = [ownName()];
  return {
    share(pid) {
      const engine = `${enginePrefix}${identify(pid) ?? pid}`;
      names.push(engine);
      writeFileSync(join(place, engine), '');
    },
    release() {
      for (const name of names) rmSync(join(place, name), { force: true });
      try {
        rmdirSync(place);
      } catch {
        // Another process has put its own lock in place of the empty one.
      }
    },
  };
}

function namesIn(place: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    return [];
  }
}

const enginePrefix = 'engine-';

function isEngine(name: string): boolean {
  return name.startsWith(enginePrefix);
}

const commandsFirst = (a: string, b: string) => Number(isEngine(a)) - Number(isEngine(b));

function isLiving(name: string): boolean {
  const identity = isEngine(name) ? name.slice(enginePrefix.length) : name;
  return identify(pidOf(identity)) === identity;
}

function ownName(): string {
  return identify(process.pid) ?? String(process.pid);
}

function isOpen(directory: string, holder: number): DbopsError {
  return new DbopsError({
    code: 'LOCK.EMBEDDED',
    exitCode: exitCodes.locked,
    message: `The embedded database ${directory} is open in process ${holder}.`,
    hint: `Wait until that process has ended; to see it: ps -p ${holder}`,
  });
}
