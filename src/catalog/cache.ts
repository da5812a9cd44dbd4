import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import type { ExpectedFact } from './fact.ts';

/** Raised when the shape or the meaning of a stored snapshot changes. */
const generation = 2;

const storedFacts = z.array(
  z.object({
    kind: z.enum(['table', 'constraint', 'index']),
    schema: z.string(),
    table: z.string(),
    name: z.string(),
    definition: z.string(),
    migration: z.string(),
    restored: z.string(),
  }),
);

/**
 * The file that holds the expected snapshot of these migrations, in order and by content, as one
 * engine spells it.
 */
export function cacheFile(
  environment: Environment,
  migrations: readonly Migration[],
  engine: string,
): string {
  const folder =
    environment['DBOPS_CACHE_DIR'] ??
    join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dbops');
  // By content and not by the recorded hash: some tools record none.
  const contents = migrations.map(({ name, up }) => [name, contentOf(up)]);
  return join(folder, `${hash('sha256', JSON.stringify([generation, engine, contents]))}.json`);
}

function contentOf(script: Migration['up']): string {
  return script.kind === 'sql' ? script.sql : readFileSync(script.file, 'utf8');
}

/** What the file holds; nothing when it is not there, is damaged, or is another file under its name. */
export function readCache(file: string): ExpectedFact[] | undefined {
  try {
    const stored = z.object({ file: z.string(), facts: storedFacts });
    const { file: own, facts } = stored.parse(JSON.parse(readFileSync(file, 'utf8')));
    return own === basename(file) ? facts : undefined;
  } catch {
    return undefined;
  }
}

/** Renamed into place, so that a reader never sees half of it. A cache that can't be written is none. */
export function writeCache(file: string, facts: readonly ExpectedFact[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, JSON.stringify({ file: basename(file), facts }));
    renameSync(draft, file);
  } catch {
    // read-only home: the next run replays again
  }
}
