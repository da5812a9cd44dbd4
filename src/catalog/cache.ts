import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import type { ExpectedFact } from './fact.ts';

/** Raised when the shape or the meaning of a stored snapshot changes. */
const generation = 1;

const stored = z.array(
  z.object({
    kind: z.enum(['table', 'constraint', 'index']),
    schema: z.string(),
    table: z.string(),
    name: z.string(),
    definition: z.string(),
    isValid: z.boolean(),
    migration: z.string(),
    restored: z.string(),
  }),
);

/**
 * The file that holds the expected snapshot of these migrations, in order and by content, for one
 * server major and one shadow engine.
 */
export function cacheFile(
  environment: Environment,
  migrations: readonly Migration[],
  versions: { server: number; engine: string },
): string {
  const folder =
    environment['DBOPS_CACHE_DIR'] ??
    join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dbops');
  const key = JSON.stringify([
    generation,
    versions,
    migrations.map((migration) => [migration.name, migration.hash]),
  ]);
  return join(folder, `${hash('sha256', key)}.json`);
}

/** What the file holds; nothing when it is not there or is damaged. */
export function readCache(file: string): ExpectedFact[] | undefined {
  try {
    return stored.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Renamed into place, so that a reader never sees half of it. A cache that can't be written is none. */
export function writeCache(file: string, facts: readonly ExpectedFact[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(facts));
    renameSync(draft, file);
  } catch {
    // read-only home: the next run replays again
  }
}
