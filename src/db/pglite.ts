import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { EmbeddedExtensions } from './pglite-extensions.ts';

interface Chunk {
  chunk: Uint8Array;
}

type Answer = { ready?: true; answer?: Uint8Array; failure?: string };

/** The file beside this one, as TypeScript in the sources and as JavaScript in the build. */
function beside(name: string): string {
  const typescript = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  return existsSync(typescript)
    ? typescript
    : fileURLToPath(new URL(`./${name}.cjs`, import.meta.url));
}

/** The empty cluster that `npm run build` leaves in `dist/`; `null` before the first build. */
function emptyCluster(): string | null {
  const candidates = ['./pglite-cluster.tar', '../../dist/pglite-cluster.tar'];
  return (
    candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync) ?? null
  );
}

/**
 * V8 compiles a WebAssembly function twice: at once, and, when it has run for long, again with its
 * optimizing compiler. At V8's own threshold that second compilation is most of the work of a
 * database that lives for a second; at this one it only begins where it pays (`wasm_tiering_budget`
 * in V8's src/flags/flag-definitions.h; the default is 1,800,000).
 */
setFlagsFromString('--wasm-tiering-budget=400000000');

/** Node has it; only the browser's types declare it. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };

let compiled: Promise<object> | undefined;

/** The server, compiled once for all embedded databases of this process. */
function engine(): Promise<object> {
  return (compiled ??= compile());
}

async function compile(): Promise<object> {
  const { resolve } = createRequire(import.meta.url);
  const file = join(dirname(resolve('@electric-sql/pglite')), 'pglite.wasm');
  return WebAssembly.compile(await readFile(file));
}

/**
 * An embedded Postgres behind the socket interface that `pg` expects of its `stream` option, so
 * that one driver serves both kinds of target.
 *
 * @param directory kept there between runs, or `null` for one that is gone when closed
 * @param extensions that it can be asked for
 */
export class PgliteSocket extends Duplex {
  readonly #worker: Worker;
  #answered: ((error?: Error) => void) | undefined;

  constructor(
    directory: string | null,
    extensions: EmbeddedExtensions = { modules: [], standIns: {} },
  ) {
    super();
    const workerData = {
      directory,
      extensions,
      template: directory && existsSync(directory) ? null : emptyCluster(),
    };
    this.#worker = new Worker(beside('pglite-worker'), { workerData });
    this.#worker.on('message', (message: Answer) => this.#receive(message));
    this.#worker.on('error', (error) => this.destroy(error));
    this.#worker.on('exit', () => this.destroy());
    engine().then(
      (module) => this.#worker.postMessage(module),
      (error: Error) => this.destroy(error),
    );
  }

  #receive({ ready, answer, failure }: Answer): void {
    if (ready) this.emit('connect');
    else if (failure !== undefined) this.destroy(new Error(failure));
    else if (answer) {
      const answered = this.#answered;
      this.#answered = undefined;
      if (answer.length > 0) this.push(Buffer.from(answer));
      answered?.();
    }
  }

  /** pg calls these on its socket; the worker connects by itself and has no TCP options. */
  connect(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    this.#worker.ref();
    return this;
  }
  unref(): this {
    this.#worker.unref();
    return this;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: Chunk[], done: (error?: Error) => void): void {
    const terminate = 'X'.charCodeAt(0);
    const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk));
    if (bytes[0] === terminate) {
      this.#worker.once('exit', () => done());
      this.#worker.postMessage('close');
      return;
    }
    this.#answered = done;
    this.#worker.postMessage(new Uint8Array(bytes));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#answered?.();
    void this.#worker.terminate().then(() => done(error));
  }
}
