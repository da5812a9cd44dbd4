import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { main } from '../../src/cli.ts';

/** What a command line leaves behind. */
export interface Answer {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Surroundings {
  /** The whole environment: nothing of the one that the tests run in. */
  environment?: Record<string, string>;
  cwd?: string;
  /** All three streams are a terminal of so many columns; absent: pipes. */
  columns?: number | undefined;
  /** What stdin holds. */
  input?: string;
}

/** Runs one command line in this process. */
export async function runCli(
  argv: string[],
  { environment = {}, cwd = folderOf({}), columns, input = '' }: Surroundings = {},
): Promise<Answer> {
  const written = { stdout: '', stderr: '' };
  const isTTY = columns !== undefined;
  const stream = (name: keyof typeof written) => ({
    write: (content: string) => (written[name] += content),
    isTTY,
    columns,
  });
  const exitCode = await main(argv, {
    stdin: { isTTY, read: async () => Buffer.from(input) },
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    environment: { ...homeless(), ...environment },
    cwd,
    signal: new AbortController().signal,
  });
  return { exitCode, ...written };
}

const bin = resolve(import.meta.dirname, '../../bin/dbops.cjs');

/** A command of the shell that runs the built program with the Node of the tests. */
export const program = `'${process.execPath}' '${bin}'`;

/** Starts a command line of the shell in a process of its own; stdin is an open, empty pipe. */
export function startShell(
  line: string,
  { environment = {}, cwd = folderOf({}) }: Surroundings = {},
): { child: ChildProcess; answer: Promise<Answer> } {
  const child = spawn('bash', ['-c', line], {
    cwd,
    env: { PATH: process.env['PATH'], ...homeless(), ...environment },
  });
  const answer = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr]) => ({ exitCode: child.exitCode, stdout, stderr }),
  );
  return { child, answer };
}

/** Runs a command line of the shell to its end. */
export function runShell(line: string, surroundings?: Surroundings): Promise<Answer> {
  return startShell(line, surroundings).answer;
}

/** A new folder with these files, gone after the run. */
export function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(inject('scratch'), 'cli-'));
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return folder;
}

/** A home of its own, but one cache for all: a shadow of the same migrations is built once. */
function homeless(): Record<string, string> {
  const home = inject('scratch');
  return { HOME: home, DBOPS_CACHE_DIR: join(home, 'cache') };
}
