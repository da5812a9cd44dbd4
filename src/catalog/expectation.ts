import { describeTarget } from '../db/target.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import { cacheFile, readCache, writeCache } from './cache.ts';
import { expectedFacts, judge, type Pair } from './expected.ts';
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
  const engine = server ? describeTarget(server) : embedded;
  const file = cacheFile(environment, migrations, engine);
  const cached = readCache(file);
  // Judging is rare, so that a warm comparison needs no shadow at all.
  if (cached) return work({ facts: cached, sameMeaning: (pairs) => judgeAgain(wanted, pairs) });
  onReplay();
  return withShadow(wanted, async (shadow) => {
    const facts = await expectedFacts(shadow, migrations, format);
    writeCache(file, facts);
    return work({ facts, sameMeaning: (pairs) => judge(shadow, pairs) });
  });
}

function judgeAgain(wanted: Wanted, pairs: readonly Pair[]): Promise<boolean[]> {
  wanted.onReplay?.();
  return withShadow(wanted, async (shadow) => {
    await replay(shadow, wanted.migrations, wanted.format);
    return judge(shadow, pairs);
  });
}
