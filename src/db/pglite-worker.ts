import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { PGlite, type Extension } from '@electric-sql/pglite';
import { messageOf } from '../errors.ts';
import type { EmbeddedExtensions, StandIns } from './pglite-extensions.ts';

/**
 * Runs PGlite in a thread of its own and speaks the wire protocol over the port: bytes in,
 * bytes out. PGlite executes on the thread that calls it, so in the main thread a statement
 * that never ends would block signals and time limits.
 */
const { directory, template, extensions } = workerData as {
  directory: string | null;
  template: string | null;
  extensions: EmbeddedExtensions;
};

async function open(port: MessagePort): Promise<PGlite> {
  const [engine] = (await once(port, 'message')) as [object];
  // A new cluster takes seconds (initdb); the one made by the build is unpacked in a fraction.
  const loadDataDir = template ? new Blob([await readFile(template)]) : undefined;
  const database = await PGlite.create({
    pgliteWasmModule: engine,
    ...(directory && { dataDir: directory }),
    ...(loadDataDir && { loadDataDir }),
    extensions: Object.fromEntries(await Promise.all(extensions.modules.map(load))),
  });
  install(database, extensions.standIns);
  return database;
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

/** Answers one message after the other, until the one that closes. */
function serve(database: PGlite, port: MessagePort): void {
  let turn = Promise.resolve();
  port.on('message', (message: Uint8Array | 'close') => {
    turn = turn.then(async () => {
      if (message !== 'close')
        return port.postMessage({ answer: await database.execProtocolRaw(message) });
      await database.close();
      port.close();
    });
  });
  port.postMessage({ ready: true });
}

const port = parentPort;
if (!port) throw new Error('pglite-worker is started by src/db/pglite.ts');
open(port).then(
  (database) => serve(database, port),
  (cause: unknown) => {
    port.postMessage({ failure: messageOf(cause) });
    port.close();
  },
);
