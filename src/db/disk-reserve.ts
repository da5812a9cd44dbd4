import { mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes: recovery writes a WAL segment of 1 MB, a checkpoint, and files that it renames. */
const size = 4 * 2 ** 20;

/**
 * Keeps disk space for the recovery of an embedded database. PostgreSQL stops when it cannot write its
 * WAL, and recovery needs space too: without a reserve, a database that filled its disk does not open
 * again. The file is removed when the disk is full, and written again when there is space for it.
 */
export function keepReserve(directory: string): void {
  const file = join(directory, 'dbops-reserve');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = statfsSync(directory);
  const isWritten = statSync(file, { throwIfNoEntry: false })?.size === size;
  if (bavail * bsize < size) rmSync(file, { force: true });
  else if (!isWritten && bavail * bsize > 2 * size) writeFileSync(file, Buffer.alloc(size));
}
