import type { Session } from '../db/session.ts';
import { describeTarget } from '../db/target.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import { cacheFile, readCache, writeCache } from './cache.ts';
import { expectedFacts, judge, type Pair } from './expected.ts';
import { extensionsFor } from './extensions.ts';
import type { ExpectedFact } from './fact.ts';
import { replay } from './replay.ts';
import { withShadow, type ShadowOptions } from './shadow.ts';

/** What the applied migrations make, and a judge of two spellings. */
export interface Expectation {
  facts: ExpectedFact[];
  /** Whether the live definitions mean the same, asked of one and the same parser. */
  sameMeaning(pairs: readonly Pair[]): Promise<boolean[]>;
}

declare const PGLITE_VERSION: string | undefined;
const embedded = typeof PGLITE_VERSION === 'string' ? PGLITE_VERSION : 'source';

export interface Wanted extends ShadowOptions {
  migrations: readonly Migration[];
  format: Format;
  environment: Environment;
  /** Told when there is nothing in the cache, so that it takes longer. */
  onReplay?: () => void;
}

/** Gives `work` the expected facts: from the cache, or from a replay that then fills it. */
export async function withExpectation<T>(
  wanted: Wanted,
  work: (expectation: Expectation) => Promise<T>,
): Promise<T> {
  const { migrations, format, environment, server, onReplay = () => {} } = wanted;
  // The format decides how files are run, its platform on what.
  const engine = [server ? describeTarget(server) : embedded, format.name, format.platform];
  const file = cacheFile(environment, migrations, JSON.stringify(engine));
  const cached = readCache(file);
  // Judging is rare, so that a warm comparison needs no shadow at all.
  if (cached) return work({ facts: cached, sameMeaning: (pairs) => judgeAgain(wanted, pairs) });
  onReplay();
  return withReplayer(wanted, async (shadow) => {
    const facts = await expectedFacts(shadow, migrations, format);
    writeCache(file, facts);
    return work({ facts, sameMeaning: (pairs) => judge(shadow, pairs) });
  });
}

/** A shadow that can replay the migrations. */
function withReplayer<T>(wanted: Wanted, work: (shadow: Session) => Promise<T>): Promise<T> {
  const extensions = extensionsFor(wanted.migrations, wanted.format);
  return withShadow({ ...wanted, extensions }, work);
}

function judgeAgain(wanted: Wanted, pairs: readonly Pair[]): Promise<boolean[]> {
  wanted.onReplay?.();
  return withReplayer(wanted, async (shadow) => {
    await replay(shadow, wanted.migrations, wanted.format);
    return judge(shadow, pairs);
  });
}
