import { readFileSync, readSync, writeSync } from 'node:fs';
import { createRequire, flushCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Extension, PGlite, PGliteOptions } from '@electric-sql/pglite';
import { unpack } from './cluster-archive.ts';
import type { StandIns } from './pglite-extensions.ts';
import { DirectoryFiles, MemoryFiles } from './pglite-files.ts';
import { channels, free, type Order } from './pglite-order.ts';
import { keepReserve } from './disk-reserve.ts';
import { compileOnce } from './wasm-compiler.ts';
import { isTerminate, WireFrames } from './wire-frames.ts';

/**
 * Runs embedded databases, one after the other, in a process of its own, started by
 * src/db/engine-process.ts, and speaks the wire protocol over a socket.
 *
 * V8 keeps one registry of code pages for all threads of a process, and dies when it frees compiled
 * WebAssembly at the wrong moment (nodejs/node#64500). Here nothing is ever freed: the process ends
 * by SIGKILL, and whatever ends it before is an error that dbops reports, and not the end of dbops.
 */
/** A terminal and a service manager signal every process of a group. This one ends with dbops. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

/** The latest lines that the server wrote to its log. */
const log: string[] = [];

function end(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}

/** @returns what the server wrote last before it gave up, with its details; without the statement */
function gravest(): string | undefined {
  const at = log.findLastIndex((line) => /^(?:PANIC|FATAL):/.test(line));
  if (at < 0) return undefined;
  const details = log.slice(at + 1).filter((line) => /^(?:DETAIL|HINT):/.test(line));
  return [log[at], ...details].join('\n');
}

/** Ends with the reason. */
function fail(cause: unknown): never {
  const text = cause instanceof Error ? cause.message : String(cause);
  try {
    writeSync(channels.words, gravest() ?? text);
  } catch {
    // Nobody reads any more.
  }
  return end();
}

const buffer = Buffer.alloc(65_536);

/** Blocks until the other side has written; there is nothing else to do meanwhile. */
function read(): Buffer {
  const length = readSync(channels.wire, buffer);
  return length > 0 ? Buffer.from(buffer.subarray(0, length)) : end();
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(channels.wire, bytes, at);
}

/** @returns the order, and what came with it of the wire protocol */
function readOrder(): { order: Order; rest: Buffer } {
  let bytes = Buffer.alloc(0);
  for (;;) {
    bytes = Buffer.concat([bytes, read()]);
    const length = bytes.indexOf('\n');
    if (length < 0) continue;
    const order: Order = JSON.parse(bytes.toString('utf8', 0, length));
    return { order, rest: bytes.subarray(length + 1) };
  }
}

/** Node has it; only the browser's types declare it. */
declare const WebAssembly: { Module: new (bytes: Uint8Array) => object };

/** The compiled engine, and every database that was ever opened: nothing of them is freed. */
const kept: { module?: object; databases: PGlite[] } = { databases: [] };

/** Functions that one database has called are compiled for the next. */
function compiledEngine(): object {
  const { resolve } = createRequire(import.meta.url);
  const file = join(dirname(resolve('@electric-sql/pglite')), 'pglite.wasm');
  return (kept.module ??= new WebAssembly.Module(readFileSync(file)));
}

async function open({ directory, template, extensions }: Order): Promise<PGlite> {
  const { PGlite: Postgres } = await import('@electric-sql/pglite');
  /** PGlite looks up array types for its own parsers, which the wire protocol does not use. */
  class Wire extends Postgres {
    override async _initArrayTypes(): Promise<void> {}
  }
  const options: PGliteOptions = {
    pgliteWasmModule: compiledEngine(),
    ...placeOf(directory, template),
    startParams: startParams(Postgres, directory),
    extensions: Object.fromEntries(await Promise.all(extensions.modules.map(load))),
    debug: 0,
    onStderr: remember,
  };
  const database = await Wire.create(options);
  kept.databases.push(database);
  install(database, extensions.standIns);
  watch(database.Module);
  flushCompileCache();
  return database;
}

function placeOf(directory: string | null, template: string | null): PGliteOptions {
  if (directory && template) unpack(template, directory);
  if (directory) {
    keepReserve(directory);
    return { fs: new DirectoryFiles(directory) };
  }
  return template ? { fs: new MemoryFiles(template) } : {};
}

/**
 * PGlite turns fsync off. A directory that is kept must survive a power cut. The server fills its
 * buffers with zeros when it starts; a database in memory needs few, because its files are in memory too.
 */
function startParams({ defaultStartParams }: typeof PGlite, directory: string | null): string[] {
  const always = [...defaultStartParams, '-c', 'log_line_prefix='];
  if (!directory) return [...always, '-c', 'shared_buffers=8MB'];
  // Its fdatasync does nothing.
  return [...always.filter((each) => each !== '-F'), '-c', 'wal_sync_method=fsync'];
}

/** A module of PGlite exports one extension. */
async function load(module: string): Promise<[string, Extension]> {
  const exported: Record<string, Extension> = await import(module);
  const extension = Object.values(exported).find((each) => 'setup' in each);
  if (!extension) throw new Error(`${module} exports no extension`);
  return [module, extension];
}

/** Makes stand-ins known to CREATE EXTENSION, which reads them from these files. */
function install({ Module: { FS } }: PGlite, standIns: StandIns): void {
  for (const [name, { schema, sql }] of Object.entries(standIns)) {
    const file = `/pglite/share/postgresql/extension/${name}`;
    const control = `default_version = '1'\nrelocatable = false\n`;
    FS.writeFile(`${file}.control`, schema ? `${control}schema = '${schema}'\n` : control);
    FS.writeFile(`${file}--1.sql`, sql);
  }
}

function remember(line: string): boolean {
  log.push(line);
  if (log.length > 100) log.splice(0, 50);
  return false;
}

/** An SQL error ends the call of the engine with `exit(100)`, and PGlite continues. */
const sqlError = 100;

/**
 * PGlite also continues after any other exit (a PANIC, a FATAL, a trap), although no server is left.
 */
function watch(module: PGlite['Module']): void {
  const once = module._PostgresMainLoopOnce;
  module._PostgresMainLoopOnce = () => {
    try {
      once();
    } catch (error) {
      if ((error as { status?: unknown }).status === sqlError) throw error;
      fail(error);
    }
  };
}

/** Answers one batch after the other, until the one that closes. */
async function serve(database: PGlite, rest: Buffer): Promise<void> {
  const frames = new WireFrames();
  frames.add(rest);
  for (let isStarted = false; ;) {
    const batch = frames.take();
    if (!batch) frames.add(read());
    else if (!isStarted) {
      write(await database.execProtocolRaw(batch));
      isStarted = true;
    } else if (isTerminate(batch)) return;
    else await database.execProtocolRawStream(batch, { onRawData: write });
  }
}

/** PGlite runs on the main thread, where a statement that never ends would hide the end of dbops. */
async function watchLife(): Promise<void> {
  const { Worker } = await import('node:worker_threads');
  const script = `require('node:fs').readSync(${channels.life}, new Uint8Array(1)); process.kill(process.pid, 'SIGKILL')`;
  const watcher = new Worker(script, { eval: true });
  watcher.on('error', fail);
}

/** Bytes of memory above which the process opens no further database; each leaves about 50 MB behind. */
const memoryLimit = 450 * 2 ** 20;

/** Returns whether the process can open another database. Code of an extension takes 200 MB. */
function canGoOn({ extensions }: Order): boolean {
  return extensions.modules.length === 0 && process.memoryUsage.rss() < memoryLimit;
}

async function run(): Promise<never> {
  // Compiles no function before it is called, and none a second time.
  setFlagsFromString('--wasm-lazy-validation');
  compileOnce();
  for (let isFirst = true; ; isFirst = false) {
    const { order, rest } = readOrder();
    if (isFirst && !order.isGuarded) await watchLife();
    log.length = 0;
    const database = await open(order);
    await serve(database, rest);
    // A directory gets a shutdown checkpoint.
    if (order.directory) await database.close();
    if (!canGoOn(order)) end();
    write(free);
  }
}

process.on('uncaughtException', fail);
run().catch(fail);
