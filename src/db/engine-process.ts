import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { EngineLost } from './engine-error.ts';
import { guardEngine, unguardEngine } from './engine-guard.ts';
import { channels } from './pglite-order.ts';

/** Milliseconds that a process without a database waits for the next one. */
const idleTime = 5_000;

/**
 * A process that hosts embedded databases, one after the other. Starting a process and compiling the
 * engine are most of the cost of opening a database, so a process whose database was closed is kept
 * for a moment.
 */
export class EngineProcess {
  readonly pid: number | undefined;
  /** A shell kills the process when dbops has ended. */
  readonly isGuarded: boolean;
  /** The order, then the wire protocol in both directions. */
  readonly wire: Duplex & { ref(): unknown; unref(): unknown };
  /** Resolves once the process has ended and all that it wrote was read. */
  readonly ended: Promise<EngineLost>;
  readonly #child: ChildProcess;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#child = spawnEngine();
    const { pid } = this.#child;
    this.pid = pid;
    this.isGuarded = pid !== undefined && guardEngine(pid);
    this.wire = this.#child.stdio[channels.wire] as never;
    this.ended = endOf(this.#child);
    this.wire.on('error', () => {}); // a write to a process that has ended; `ended` reports its end
    this.wire.once('close', () => this.awaitEnd());
    this.#child.once('exit', () => this.#leave());
  }

  /** A process that is being killed is still there for a moment: it is offered to no database. */
  kill(): void {
    this.#withdraw();
    this.#child.kill('SIGKILL');
  }

  /** Keeps dbops running until the process has ended. */
  awaitEnd(): void {
    this.#child.ref();
    if (this.#child.stderr instanceof Socket) this.#child.stderr.ref();
  }

  /** Offers the process, whose database is closed, to the next database. */
  park(): void {
    this.#unref();
    this.#timer = setTimeout(() => this.kill(), idleTime).unref();
    idle.push(this);
  }

  /** Takes the process for a database; its wire keeps dbops running again. */
  take(): this {
    clearTimeout(this.#timer);
    this.wire.ref();
    return this;
  }

  #unref(): void {
    this.#child.unref();
    if (this.#child.stderr instanceof Socket) this.#child.stderr.unref();
    this.wire.unref();
  }

  #withdraw(): void {
    clearTimeout(this.#timer);
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
  }

  #leave(): void {
    this.#withdraw();
    if (this.pid !== undefined) unguardEngine(this.pid);
  }
}

const idle: EngineProcess[] = [];

/** Returns a process without a database: one whose database was closed, or a new one. */
export function takeEngine(): EngineProcess {
  return idle.pop()?.take() ?? new EngineProcess();
}

/** Ends the processes that wait for a database. */
export async function endIdleEngines(): Promise<void> {
  const waiting = [...idle];
  for (const engine of waiting) engine.kill();
  await Promise.all(waiting.map(({ ended }) => ended));
}

/** The file beside this one, as TypeScript in the sources and as JavaScript in the build. */
function beside(name: string): string {
  const typescript = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  return existsSync(typescript)
    ? typescript
    : fileURLToPath(new URL(`./${name}.cjs`, import.meta.url));
}

/**
 * One thread, because all of the work is done on one; a session of its own, so that a terminal's
 * Ctrl-C does not reach it.
 */
function spawnEngine(): ChildProcess {
  const flags = ['--single-threaded', '--no-warnings'];
  const child = spawn(process.execPath, [...flags, beside('pglite-child')], {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: '/',
    env: engineEnvironment(process.env),
  });
  // The socket of the wire protocol alone keeps dbops running.
  child.unref();
  for (const stream of [child.stdin, child.stderr]) if (stream instanceof Socket) stream.unref();
  return child;
}

/**
 * Options meant for dbops (NODE_OPTIONS, a debugger) do not reach the engine, except under Plug'n'Play of Yarn, whose
 * NODE_OPTIONS find packages. The engine reads and copies files of megabytes: on Linux, glibc puts them on huge
 * pages, which saves a third of the page faults.
 */
function engineEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { TMPDIR, NODE_DISABLE_COMPILE_CACHE, NODE_OPTIONS } = environment;
  return {
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
    NODE_COMPILE_CACHE: environment['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache'),
    ...(TMPDIR && { TMPDIR }),
    ...(NODE_DISABLE_COMPILE_CACHE && { NODE_DISABLE_COMPILE_CACHE }),
    ...('pnp' in process.versions && NODE_OPTIONS && { NODE_OPTIONS }),
  };
}

function endOf(child: ChildProcess): Promise<EngineLost> {
  const words = lastWords(child.stderr);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(new EngineLost(error.message, [])));
    child.once('close', (code, signal) =>
      resolve(new EngineLost(signal ?? `exit code ${code}`, words())),
    );
  });
}

function lastWords(stderr: Readable | null): () => string[] {
  let text = '';
  stderr?.setEncoding('utf8').on('data', (more: string) => (text = `${text}${more}`.slice(-8_000)));
  return () => text.split('\n').filter((line) => line.trim());
}
