import { readFile } from 'node:fs/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

/**
 * Runs PGlite in a thread of its own and speaks the wire protocol over the port: bytes in,
 * bytes out. PGlite executes on the thread that calls it, so in the main thread a statement
 * that never ends would block signals and time limits.
 */
const { directory, template } = workerData as { directory: string | null; template: string | null };

async function open(): Promise<PGlite> {
  // A new cluster takes seconds (initdb); the one made by the build is unpacked in a fraction.
  const loadDataDir = template ? new Blob([await readFile(template)]) : undefined;
  return PGlite.create({
    ...(directory && { dataDir: directory }),
    ...(loadDataDir && { loadDataDir }),
  });
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
open().then(
  (database) => serve(database, port),
  (cause: unknown) => {
    port.postMessage({ failure: cause instanceof Error ? cause.message : String(cause) });
    port.close();
  },
);
