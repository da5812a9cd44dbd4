import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { lockDirectory, type DirectoryLock } from './directory-lock.ts';
import { takeEngine, type EngineProcess } from './engine-process.ts';
import type { EmbeddedExtensions } from './pglite-extensions.ts';
import { isFree, type Order } from './pglite-order.ts';

interface Chunk {
  chunk: Uint8Array;
}

/** The empty cluster that `npm run build` writes to `dist/`; `null` before the first build. */
function emptyCluster(): string | null {
  const candidates = ['./pglite-cluster.tar', '../../dist/pglite-cluster.tar'];
  return (
    candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync) ?? null
  );
}

/** Writes a `.gitignore` into `.dbops`, which holds nothing that belongs into a repository. */
function keepOutOfGit(directory: string): void {
  const parent = dirname(directory);
  if (basename(parent) !== '.dbops') return;
  mkdirSync(parent, { recursive: true });
  const file = join(parent, '.gitignore');
  if (!existsSync(file)) writeFileSync(file, '*\n');
}

/**
 * Opens an embedded database in a process of its own.
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
  if (directory) keepOutOfGit(directory);
  const engine = takeEngine();
  if (engine.pid !== undefined) lock?.share(engine.pid);
  const template = directory && existsSync(directory) ? null : emptyCluster();
  const { isGuarded } = engine;
  return new EngineSocket(engine, { directory, template, extensions, isGuarded }, lock);
}

const terminate = 'X'.charCodeAt(0);

/** One database of an engine's process behind the socket interface that `pg` expects of its `stream` option. */
export class EngineSocket extends Duplex {
  readonly #engine: EngineProcess;
  readonly #receive = (chunk: Buffer) => this.#take(chunk);
  readonly #closed = Promise.withResolvers<void>();
  #isClosing = false;
  #isReleased = false;

  constructor(engine: EngineProcess, order: Order, lock: DirectoryLock | undefined) {
    super();
    this.#engine = engine;
    void this.#closed.promise.then(() => lock?.release());
    engine.wire.on('data', this.#receive).resume();
    void engine.ended.then((loss) => {
      this.#closed.resolve();
      this.destroy(this.#isClosing ? undefined : loss);
    });
    engine.wire.write(`${JSON.stringify(order)}\n`);
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
    this.#engine.wire.ref();
    return this;
  }
  unref(): this {
    this.#engine.wire.unref();
    return this;
  }

  override _read(): void {
    this.#engine.wire.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: Chunk[], done: () => void): void {
    const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk));
    if (bytes[0] === terminate) this.#close(bytes, done);
    else this.#engine.wire.write(bytes, () => done());
  }

  /** A database in memory is killed; a directory gets a shutdown checkpoint. */
  #close(bytes: Buffer, done: () => void): void {
    this.#isClosing = true;
    this.#engine.awaitEnd();
    void this.#closed.promise.then(() => {
      this.destroy();
      done();
    });
    this.#engine.wire.write(bytes);
  }

  #take(chunk: Buffer): void {
    if (!this.#isClosing) void (this.push(chunk) || this.#engine.wire.pause());
    else if (isFree(chunk)) this.#release();
    // The rest of an answer nobody waits for would be taken for an answer of the next database.
    else this.#engine.kill();
  }

  #release(): void {
    this.#isReleased = true;
    this.#engine.wire.off('data', this.#receive);
    this.#engine.park();
    this.#closed.resolve();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isReleased) {
      this.#engine.kill();
      this.#engine.awaitEnd();
    }
    void this.#closed.promise.then(() => done(error));
  }
}
