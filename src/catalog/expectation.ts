import type { Session } from '../db/session.ts';
import type { Migration } from '../migration.ts';
import type { Environment } from '../output/terminal.ts';
import { cacheFile, readCache, writeCache } from './cache.ts';
import { expectedFacts, inScratchTransaction, reparse } from './expected.ts';
import type { ExpectedFact, Fact } from './fact.ts';
import { withShadow, type ShadowOptions } from './shadow.ts';

/** What the applied migrations make, and a judge of two spellings. */
export interface Expectation {
  facts: ExpectedFact[];
  /** Whether the live definition means the same, asked of one and the same parser. */
  sameMeaning(expected: ExpectedFact, live: Fact): Promise<boolean>;
}

declare const PGLITE_VERSION: string | undefined;
const embedded = typeof PGLITE_VERSION === 'string' ? PGLITE_VERSION : 'source';

interface Wanted extends ShadowOptions {
  migrations: readonly Migration[];
  /** Major version of the server that is compared. */
  serverMajor: number;
  environment: Environment;
}

/** Gives `work` the expected facts: from the cache, or from a replay that then fills it. */
export async function withExpectation<T>(
  wanted: Wanted,
  work: (expectation: Expectation) => Promise<T>,
): Promise<T> {
  const engine = wanted.server ? 'server' : embedded;
  const file = cacheFile(wanted.environment, wanted.migrations, {
    server: wanted.serverMajor,
    engine,
  });
  const cached = readCache(file);
  if (cached)
    return work({
      facts: cached,
      sameMeaning: (expected, live) => judgeAgain(wanted, expected, live),
    });
  return withShadow(wanted, async (shadow) => {
    const facts = await expectedFacts(shadow, wanted.migrations);
    writeCache(file, facts);
    return work({ facts, sameMeaning: (expected, live) => judge(shadow, expected, live) });
  });
}

function judge(shadow: Session, expected: ExpectedFact, live: Fact): Promise<boolean> {
  return inScratchTransaction(
    shadow,
    async () => (await reparse(shadow, live)) === expected.restored,
  );
}

/** Rare, so that a warm comparison needs no shadow at all. */
function judgeAgain(wanted: Wanted, expected: ExpectedFact, live: Fact): Promise<boolean> {
  return withShadow(wanted, async (shadow) => {
    await expectedFacts(shadow, wanted.migrations);
    return judge(shadow, expected, live);
  });
}
