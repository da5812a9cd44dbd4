import { fsyncSync } from 'node:fs';
import type { PGlite } from '@electric-sql/pglite';
import { entriesOf } from './cluster-archive.ts';

type Module = PGlite['Module'];
type Filesystem = NonNullable<PGlite['fs']>;
type Options = Parameters<Filesystem['init']>[1];

/** The part of a file system that PGlite needs beside its mount point. */
abstract class Files {
  async init(_: PGlite, options: Options): Promise<{ emscriptenOpts: Options }> {
    const preRun = [...(options.preRun ?? []), (module: Module) => this.mount(module)];
    return { emscriptenOpts: { ...options, preRun } };
  }
  protected abstract mount(module: Module): void;
  async syncToFs(): Promise<void> {}
  async initialSyncFs(): Promise<void> {}
  async closeFs(): Promise<void> {}
  dumpTar(): never {
    throw new Error('dbops copies no embedded database');
  }
}

/** Node of Emscripten's file system in memory, as far as it is used here. */
interface MemoryNode {
  contents: Uint8Array;
  usedBytes: number;
  node_ops: { mknod(parent: MemoryNode, name: string, mode: number, device: number): MemoryNode };
}

const dataDirectory = '/pglite/data';
const modes = { directory: 0o40700, file: 0o100600 };

/**
 * A cluster in memory, whose files are read from an archive when the engine first opens them: a
 * short-lived database opens few.
 */
export class MemoryFiles extends Files {
  readonly #archive: string;

  constructor(archive: string) {
    super();
    this.#archive = archive;
  }

  protected override mount({ FS }: Module): void {
    FS.mkdirTree(dataDirectory);
    const root: MemoryNode = FS.lookupPath(dataDirectory, {}).node as never;
    const directories = new Map([['', root]]);
    for (const { path, isDirectory, size, read } of entriesOf(this.#archive)) {
      const cut = path.lastIndexOf('/');
      const parent = directories.get(path.slice(0, Math.max(cut, 0)));
      if (!parent) throw new Error(`The archive has no directory for ${path}`);
      const mode = isDirectory ? modes.directory : modes.file;
      const node = root.node_ops.mknod(parent, path.slice(cut + 1), mode, 0);
      if (isDirectory) directories.set(path, node);
      else fillLater(node, size, read);
    }
  }
}

function fillLater(node: MemoryNode, size: number, read: () => Uint8Array): void {
  const keep = (value: Uint8Array) => {
    Object.defineProperty(node, 'contents', { value, writable: true });
    return value;
  };
  Object.defineProperty(node, 'contents', {
    get: () => keep(read()),
    set: keep,
    configurable: true,
  });
  node.usedBytes = size;
}

interface HostFilesystem {
  stream_ops: { fsync?: (stream: { nfd: number }) => number };
}

/** A directory of the machine; the engine determines when its files are flushed. */
export class DirectoryFiles extends Files {
  readonly #directory: string;

  constructor(directory: string) {
    super();
    this.#directory = directory;
  }

  protected override mount({ FS, NODEFS }: Module & { NODEFS: HostFilesystem }): void {
    // Emscripten reports an fsync of such a file as successful without doing it.
    NODEFS.stream_ops.fsync = ({ nfd }: { nfd: number }) => {
      fsyncSync(nfd);
      return 0;
    };
    FS.mkdirTree(dataDirectory);
    FS.mount(NODEFS as never, { root: this.#directory }, dataDirectory);
  }
}
