import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import type { Environment } from '../output/terminal.ts';

/** Results that dbops can compute again, on disk under names that are hashes of their inputs. */
export interface Cache {
  /** Nothing when it is not there, is damaged, or is another value under its name. */
  read<T>(name: string, shape: z.ZodType<T>): T | undefined;
  /** A cache that can't be written is none. */
  write(name: string, value: unknown): void;
}

/** The cache below `DBOPS_CACHE_DIR`, else `$XDG_CACHE_HOME/dbops`, else `~/.cache/dbops`. */
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
        // Renamed into place, so that a reader never sees half of it.
        const draft = `${fileOf(name)}.${process.pid}`;
        writeFileSync(draft, zstdCompressSync(JSON.stringify({ name, value })));
        renameSync(draft, fileOf(name));
      } catch {
        // read-only home: the next run works it out again
      }
    },
  };
}

/** A name for a value by its content. */
export function digest(value: unknown): string {
  return hash('sha256', JSON.stringify(value));
}
