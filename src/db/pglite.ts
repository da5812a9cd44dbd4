import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, type Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { lockDirectory } from './directory-lock.ts';
import { EngineLost } from './engine-error.ts';
import { guardEngine, unguardEngine } from './engine-guard.ts';
import type { EmbeddedExtensions } from './pglite-extensions.ts';
import { channels, type Order } from './pglite-order.ts';

interface Chunk {
  chunk: Uint8Array;
}

/** The file beside this one, as TypeScript in the sources and as JavaScript in the build. */
function beside(name: string): string {
  const typescript = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  return existsSync(typescript)
    ? typescript
    : fileURLToPath(new URL(`./${name}.cjs`, import.meta.url));
}

/** The empty cluster that `npm run build` writes to `dist/`; `null` before the first build. */
function emptyCluster(): string | null {
  const candidates = ['./pglite-cluster.tar', '../../dist/pglite-cluster.tar'];
  return (
    candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync) ?? null
  );
}

/**
 * Starts an embedded database in a process of its own.
 *
 * @param directory where the database is kept between runs; `null` for one that is removed when it is closed
 * @param extensions that it can be asked for
 * @returns a socket for the `stream` option of `pg`. It is destroyed with an `EngineLost` when the
 *   process ends before it was asked to.
 * @throws DbopsError with exit code 7 when the directory is open in another process
 */
export async function startEngine(
  directory: string | null,
  extensions: EmbeddedExtensions = { modules: [], standIns: {} },
): Promise<EngineSocket> {
  const lock = directory ? await lockDirectory(directory) : undefined;
  const child = spawnEngine();
  const { pid } = child;
  if (pid !== undefined) lock?.share(pid);
  const isGuarded = pid !== undefined && guardEngine(pid);
  child.once('exit', () => {
    if (pid !== undefined) unguardEngine(pid);
    lock?.release();
  });
  const template = directory && existsSync(directory) ? null : emptyCluster();
  return new EngineSocket(child, { directory, template, extensions, isGuarded });
}

/**
 * One thread, because one thread does all the work; a session of its own, so that Ctrl-C in a
 * terminal does not reach it.
 */
function spawnEngine(): ChildProcess {
  const flags = ['--single-threaded', '--no-warnings'];
  const child = spawn(process.execPath, [...flags, beside('pglite-child')], {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: '/',
    env: engineEnvironment(process.env),
  });
  // Only the socket of the wire protocol keeps dbops running.
  child.unref();
  for (const stream of [child.stdin, child.stderr]) if (stream instanceof Socket) stream.unref();
  return child;
}

/** Options meant for dbops (NODE_OPTIONS, a debugger) do not reach the engine. */
function engineEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { TMPDIR, NODE_DISABLE_COMPILE_CACHE } = environment;
  return {
    NODE_COMPILE_CACHE: environment['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache'),
    ...(TMPDIR && { TMPDIR }),
    ...(NODE_DISABLE_COMPILE_CACHE && { NODE_DISABLE_COMPILE_CACHE }),
  };
}

const terminate = 'X'.charCodeAt(0);

/** The engine's process behind the socket interface that `pg` expects of its `stream` option. */
export class EngineSocket extends Duplex {
  readonly #child: ChildProcess;
  readonly #wire: Duplex & { ref(): unknown; unref(): unknown };
  readonly #isKept: boolean;
  readonly #ended: Promise<EngineLost>;
  #isClosing = false;

  constructor(child: ChildProcess, order: Order) {
    super();
    this.#child = child;
    this.#isKept = order.directory !== null;
    this.#wire = child.stdio[channels.wire] as never;
    this.#ended = endOf(child);
    this.#wire.on('data', (chunk: Buffer) => void (this.push(chunk) || this.#wire.pause()));
    this.#wire.on('error', () => {}); // a write to a process that has ended; its end is reported below
    this.#wire.once('close', () => awaitEnd(child));
    void this.#ended.then((loss) => this.destroy(this.#isClosing ? undefined : loss));
    this.#wire.write(`${JSON.stringify(order)}\n`);
  }

  /** pg calls these on its socket, which is connected from the start and has no TCP options. */
  connect(): this {
    process.nextTick(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    this.#wire.ref();
    return this;
  }
  unref(): this {
    this.#wire.unref();
    return this;
  }

  override _read(): void {
    this.#wire.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: Chunk[], done: () => void): void {
    const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk));
    if (bytes[0] === terminate) return this.#close(bytes, done);
    this.#wire.write(bytes, () => done());
  }

  /** A database in memory is killed; a directory gets a shutdown checkpoint. */
  #close(bytes: Buffer, done: () => void): void {
    this.#isClosing = true;
    awaitEnd(this.#child);
    void this.#ended.then(() => done());
    if (this.#isKept) this.#wire.write(bytes);
    else this.#child.kill('SIGKILL');
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill('SIGKILL');
    awaitEnd(this.#child);
    void this.#ended.then(() => done(error));
  }
}

/** Keeps dbops running until the process has ended. */
function awaitEnd(child: ChildProcess): void {
  child.ref();
  if (child.stderr instanceof Socket) child.stderr.ref();
}

/** Resolves when the process has ended and its output was read. */
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
