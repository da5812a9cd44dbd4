import { digest, openCache } from '../shadow/cache.ts';
import type { Facts } from '../ddl/pg-delta.ts';
import type { Foreign } from '../ddl/rebuild-from-live.ts';
import { contentOf, prefixKeys, withReplayer, type Wanted } from '../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../shadow/replay-error.ts';
import { prepare, replayOne } from '../shadow/replay.ts';
import type { Skipped } from '../shadow/tolerant-replay.ts';
import type { Session } from '../db/session.ts';
import type { DbopsError } from '../errors.ts';
import type { Migration } from '../migration.ts';
import { proveRollback } from './prove.ts';
import { guessWays, proveOnLive } from './prove-on-live-copy.ts';
import { rollbackShape, type Rollback } from './rollback.ts';

/** What a shadow begins with. */
export type ShadowSource = 'folder' | 'live';

export interface Question extends Wanted {
  /** The newest so many of `migrations`, which are those that are applied, in order. */
  steps: number;
  /** Absent: the folder where it replays, else the live catalog. */
  shadowFrom?: ShadowSource | undefined;
  readLive: () => Promise<{ facts: Facts; foreign: Foreign }>;
  onProve: (name: string) => void;
}

export interface Answer {
  /** Of the newest migrations, in the order in which they are rolled back. */
  rollbacks: Rollback[];
  shadowFrom: ShadowSource;
  /** What stopped the replay of the folder, where it does not replay. */
  stoppedBy?: DbopsError;
  /** What was left out then. */
  skipped: Skipped[];
}

/**
 * How the newest migrations are taken back, with the proof: from the cache, or from a shadow.
 *
 * @throws DbopsError when no shadow can be had
 */
export async function askRollbacks(question: Question): Promise<Answer> {
  if (question.shadowFrom === 'live') return askLive(question);
  try {
    const rollbacks = await askFolder(question);
    return { rollbacks: rollbacks.toReversed(), shadowFrom: 'folder', skipped: [] };
  } catch (error) {
    if (question.shadowFrom === 'folder' || !isFaultOfFolder(error)) throw error;
    return { ...(await askLive(question)), stoppedBy: error };
  }
}

/** Raised when what a proof says, or how it is come by, changes. */
const generation = 1;

/** Oldest first. */
async function askFolder(question: Question): Promise<Rollback[]> {
  const { migrations, steps, environment } = question;
  const cache = openCache(environment);
  const first = migrations.length - steps;
  const keys = prefixKeys(question);
  const asked = migrations.slice(first).map((migration, at) => ({
    migration,
    key: digest(['rollback', generation, keys[first + at + 1], downOf(migration)]),
  }));
  const known = new Map<string, Rollback>();
  for (const { key } of asked) {
    const rollback = cache.read(key, rollbackShape);
    if (rollback) known.set(key, rollback);
  }
  for (let next = 0; next < asked.length;) {
    if (known.has(asked[next]?.key ?? '')) next++;
    else
      next = await withReplayer(question, async (shadow) => {
        await replayBefore(shadow, question, first + next);
        return proveFrom(shadow, next);
      });
  }
  return asked.flatMap(({ key }) => known.get(key) ?? []);

  /** As far as the shadow serves. @returns the index of the first that it does not */
  async function proveFrom(shadow: Session, start: number): Promise<number> {
    for (const [at, { migration, key }] of asked.entries()) {
      if (at < start) continue;
      question.onProve(migration.name);
      const { rollback, isIntact } = await proveRollback(shadow, migration, question.format);
      known.set(key, rollback);
      cache.write(key, rollback);
      if (!isIntact) return at + 1;
    }
    return asked.length;
  }
}

async function replayBefore(
  shadow: Session,
  { migrations, format }: Question,
  length: number,
): Promise<void> {
  await prepare(shadow, format);
  for (const migration of migrations.slice(0, length)) await replayOne(shadow, migration, format);
}

function downOf({ down }: Migration): string | null {
  return down ? contentOf(down) : null;
}

async function askLive(question: Question): Promise<Answer> {
  const { migrations, steps, format } = question;
  const before = migrations.slice(0, migrations.length - steps);
  const asked = migrations.slice(migrations.length - steps);
  const { facts: live, foreign } = await question.readLive();
  const { guesses, skipped } = await withReplayer(question, (shadow) =>
    guessWays(shadow, { before, asked, format }),
  );
  const rollbacks = await withReplayer(question, (shadow) =>
    proveOnLive(shadow, { live, foreign, guesses, format }),
  );
  return { rollbacks: rollbacks.toReversed(), shadowFrom: 'live', skipped };
}
