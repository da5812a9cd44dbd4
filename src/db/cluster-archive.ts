import { mkdirSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface ArchiveEntry {
  /** Without slashes at its ends. */
  path: string;
  isDirectory: boolean;
  /** Bytes. */
  size: number;
  read(): Buffer;
}

const block = 512;
const directoryType = '5'.charCodeAt(0);
const linkType = '1'.charCodeAt(0);

/**
 * Yields the entries of a tar file. It stays open: files are read when they are needed. A hard link has the
 * content of the entry that it names, so two databases share what is equal in both.
 */
export function* entriesOf(archive: string): Generator<ArchiveEntry> {
  const file = openSync(archive, 'r');
  const contents = new Map<string, Pick<ArchiveEntry, 'size' | 'read'>>();
  for (let at = 0; ;) {
    const header = readAt(file, at, block);
    if (header.length < block || header[0] === 0) return;
    const path = textAt(header, 0, 100).replaceAll(/^\/+|\/+$/g, '');
    const size = Number.parseInt(textAt(header, 124, 12), 8);
    const start = at + block;
    const own = { size, read: () => readAt(file, start, size) };
    const isLink = header[156] === linkType;
    const content = isLink ? contents.get(textAt(header, 157, 100)) : own;
    if (!content) throw new Error(`The archive has no content for ${path}`);
    contents.set(path, content);
    yield { path, isDirectory: header[156] === directoryType, ...content };
    at = start + (isLink ? 0 : Math.ceil(size / block) * block);
  }
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}

function textAt(header: Buffer, at: number, length: number): string {
  const text = header.toString('latin1', at, at + length);
  return text.slice(0, text.indexOf('\0') >>> 0);
}

/** Writes a cluster into a new directory, which appears complete or not at all. */
export function unpack(archive: string, directory: string): void {
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  for (const { path, isDirectory, read } of entriesOf(archive)) {
    if (isDirectory) mkdirSync(join(draft, path), { mode: 0o700 });
    else writeFileSync(join(draft, path), read(), { mode: 0o600, flush: true });
  }
  renameSync(draft, directory);
}
