import type { Scope } from '../catalog/ignored.ts';
import type { Session } from '../db/session.ts';
import { describeTarget } from '../db/target.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import { digest } from './cache.ts';
import { dependOnDatabase, shadowNames, type TargetNames } from './target-names.ts';
import { moduleContent } from './module-content.ts';
import { extensionsFor } from './extensions.ts';
import { withShadow, type ShadowOptions } from './shadow.ts';

/** Migrations, and the engine of their replay. */
export interface Wanted extends ShadowOptions {
  migrations: readonly Migration[];
  format: Format;
  /** The database that the migrations were written for. */
  targetNames: TargetNames;
  /** What the configuration leaves out of comparisons; the replay itself leaves out nothing. */
  scope: Scope;
  /** Whether privileges are compared too. */
  grants?: boolean;
  /** The environment, which locates the cache. */
  environment: Environment;
  /** Called when the cache lacks the answer, so that a replay follows. */
  onReplay?: () => void;
}

/** Version of the cached values; incremented when their shape or meaning changes. */
const generation = 4;

declare const PGLITE_VERSION: string | undefined;
const embedded = typeof PGLITE_VERSION === 'string' ? PGLITE_VERSION : 'source';

/**
 * Returns a key for the shadow after each number of migrations, 0 included: a hash of their order,
 * names and contents, of how the format runs them, and of the engine.
 */
export function prefixKeys(wanted: Wanted): string[] {
  const { migrations, format, server, grants = false, targetNames } = wanted;
  const engine = server ? describeTarget(server) : embedded;
  const { name: tool, platform = null, searchPath = null, connection = null, prelude } = format;
  const { roles } = shadowNames(targetNames, wanted);
  const database = dependOnDatabase(wanted) ? targetNames.database : null;
  const names = [database, roles];
  const settings = [searchPath, connection, ...(prelude ? [prelude.sql] : [])];
  const keys = [digest([generation, engine, tool, platform, settings, grants, names])];
  for (const { name, up } of migrations) keys.push(digest([keys.at(-1), name, contentOf(up)]));
  return keys;
}

/** The content is hashed, not the recorded hash: some tools record none. */
export function contentOf(script: Migration['up']): string {
  return script.kind === 'sql' ? script.sql : moduleContent(script.file);
}

/**
 * Runs `work` with an empty shadow that can replay the migrations.
 *
 * @param allRoles whether it also has roles that no migration mentions
 */
export function withReplayer<T>(
  wanted: Wanted,
  work: (shadow: Session) => Promise<T>,
  { allRoles = false } = {},
): Promise<T> {
  wanted.onReplay?.();
  const extensions = extensionsFor(wanted.migrations, wanted.format);
  const names = shadowNames(wanted.targetNames, wanted, { every: allRoles });
  return withShadow({ ...wanted, extensions, names }, work);
}
