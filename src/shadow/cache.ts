import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import type { Environment } from '../output/terminal.ts';

/**
 * A cache on disk of values that can be recomputed. Names are hashes of what a value is computed
 * from.
 */
export interface Cache {
  /**
   * Returns undefined when the file does not exist, is damaged, or has another content than its
   * name says.
   */
  read<T>(name: string, shape: z.ZodType<T>): T | undefined;
  /** Does nothing when the cache cannot be written. */
  write(name: string, value: unknown): void;
}

/**
 * Returns the cache below `DBOPS_CACHE_DIR`, else `$XDG_CACHE_HOME/dbops`, else `~/.cache/dbops`.
 */
export function openCache(environment: Environment): Cache {
  const folder =
    environment['DBOPS_CACHE_DIR'] ??
    join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dbops');
  const fileOf = (name: string) => join(folder, `${name}.json.zst`);
  return {
    read(name, shape) {
      try {
        const text = zstdDecompressSync(readFileSync(fileOf(name))).toString();
        const stored = z.object({ name: z.literal(name), value: shape }).parse(JSON.parse(text));
        return stored.value;
      } catch {
        return undefined;
      }
    },
    write(name, value) {
      try {
        mkdirSync(folder, { recursive: true });
        // Renamed into place, so that a reader never sees a partial file.
        const draft = `${fileOf(name)}.${process.pid}`;
        writeFileSync(draft, zstdCompressSync(JSON.stringify({ name, value })));
        renameSync(draft, fileOf(name));
      } catch {
        // read-only home: the next run computes it again
      }
    },
  };
}

/** Returns the name of a value by its content. */
export function digest(value: unknown): string {
  return hash('sha256', JSON.stringify(value));
}
