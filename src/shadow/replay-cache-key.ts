import { readFileSync } from 'node:fs';
import type { Session } from '../db/session.ts';
import { describeTarget } from '../db/target.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import { digest } from './cache.ts';
import { extensionsFor } from './extensions.ts';
import { withShadow, type ShadowOptions } from './shadow.ts';

/** Migrations, and the engine of their replay. */
export interface Wanted extends ShadowOptions {
  migrations: readonly Migration[];
  format: Format;
  /** Whether privileges are compared too. */
  grants?: boolean;
  /** The environment, which locates the cache. */
  environment: Environment;
  /** Called when the cache lacks the answer, so that a replay follows. */
  onReplay?: () => void;
}

/** Version of the cached values; incremented when their shape or meaning changes. */
const generation = 3;

declare const PGLITE_VERSION: string | undefined;
const embedded = typeof PGLITE_VERSION === 'string' ? PGLITE_VERSION : 'source';

/**
 * Returns a key for the shadow after each number of migrations, 0 included: a hash of their order,
 * names and contents, of how the format runs them, and of the engine.
 */
export function prefixKeys({ migrations, format, server, grants = false }: Wanted): string[] {
  const engine = server ? describeTarget(server) : embedded;
  const { name: tool, platform = null, searchPath = null } = format;
  const keys = [digest([generation, engine, tool, platform, searchPath, grants])];
  for (const { name, up } of migrations) keys.push(digest([keys.at(-1), name, contentOf(up)]));
  return keys;
}

/** The content is hashed, not the recorded hash: some tools record none. */
export function contentOf(script: Migration['up']): string {
  return script.kind === 'sql' ? script.sql : readFileSync(script.file, 'utf8');
}

/** Runs `work` with an empty shadow that can replay the migrations. */
export function withReplayer<T>(wanted: Wanted, work: (shadow: Session) => Promise<T>): Promise<T> {
  wanted.onReplay?.();
  const extensions = extensionsFor(wanted.migrations, wanted.format);
  return withShadow({ ...wanted, extensions }, work);
}
