import type { Session } from '../db/session.ts';
import { describeTarget } from '../db/target.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import { digest } from './cache.ts';
import { moduleContent } from './module-content.ts';
import { extensionsFor } from './extensions.ts';
import { withShadow, type ShadowOptions } from './shadow.ts';

/** Migrations, and what their replay runs on. */
export interface Wanted extends ShadowOptions {
  migrations: readonly Migration[];
  format: Format;
  /** Whether rights are compared too. */
  grants?: boolean;
  /** Says where the cache is. */
  environment: Environment;
  /** Told when the cache does not have the answer, so that it takes longer. */
  onReplay?: () => void;
}

/** Raised when the shape or the meaning of what is stored changes. */
const generation = 3;

declare const PGLITE_VERSION: string | undefined;
const embedded = typeof PGLITE_VERSION === 'string' ? PGLITE_VERSION : 'source';

/**
 * A name for what a shadow is after each number of migrations, 0 included: by their order, names
 * and contents, by how the format runs them, and by the engine.
 */
export function prefixKeys({ migrations, format, server, grants = false }: Wanted): string[] {
  const engine = server ? describeTarget(server) : embedded;
  const { name: tool, platform = null, searchPath = null, connection = null } = format;
  const keys = [digest([generation, engine, tool, platform, searchPath, connection, grants])];
  for (const { name, up } of migrations) keys.push(digest([keys.at(-1), name, contentOf(up)]));
  return keys;
}

/** By content and not by the recorded hash: some tools record none. */
export function contentOf(script: Migration['up']): string {
  return script.kind === 'sql' ? script.sql : moduleContent(script.file);
}

/** Gives `work` an empty shadow that can replay the migrations. */
export function withReplayer<T>(wanted: Wanted, work: (shadow: Session) => Promise<T>): Promise<T> {
  wanted.onReplay?.();
  const extensions = extensionsFor(wanted.migrations, wanted.format);
  return withShadow({ ...wanted, extensions }, work);
}
