import { digest, openCache } from '../shadow/cache.ts';
import type { Foreign, PlannerCatalog } from '../ddl/pg-delta.ts';
import { contentOf, prefixKeys, withReplayer, type Wanted } from '../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../shadow/replay-error.ts';
import { prepare, replayOne } from '../shadow/replay.ts';
import type { Skipped } from '../shadow/tolerant-replay.ts';
import type { Session } from '../db/session.ts';
import type { DbopsError } from '../errors.ts';
import type { Migration } from '../migration.ts';
import { proveRollback, type Moment } from './prove.ts';
import { guessWays, proveOnLive } from './prove-on-live-copy.ts';
import { rollbackShape, type Doubt, type Rollback } from './rollback.ts';
import { readDirectives } from '../sql/directives.ts';
import { sourceOf } from '../text-file.ts';

/** What the shadow database is built from. */
export type ShadowSource = 'folder' | 'live';

export interface Question extends Wanted {
  /** How many of `migrations` (the applied ones, in order) to roll back, the newest first. */
  steps: number;
  /** Default: the folder; the live catalog when the folder does not replay. */
  shadowFrom?: ShadowSource | undefined;
  readLive: () => Promise<{ facts: PlannerCatalog; foreign: Foreign }>;
  onProve: (name: string) => void;
}

export interface Answer {
  /** In the order in which they run, the newest first. */
  rollbacks: Rollback[];
  shadowFrom: ShadowSource;
  /** The error that stopped the replay of the folder, if any. */
  stoppedBy?: DbopsError;
  /** Statements that were skipped in a tolerant replay. */
  skipped: Skipped[];
}

/**
 * Returns the rollbacks of the newest migrations with their proofs, from the cache or from a shadow.
 *
 * @throws DbopsError when no shadow database can be opened
 */
export async function askRollbacks(question: Question): Promise<Answer> {
  const answer = await askProofs(question);
  const uncopied = new Set(question.migrations.filter(isUncopied).map(({ name }) => name));
  const rollbacks = answer.rollbacks.map((rollback) =>
    rollback.source === 'derived' && uncopied.has(rollback.name)
      ? { ...rollback, doubts: [...rollback.doubts, notCopied] }
      : rollback,
  );
  return { ...answer, rollbacks };
}

const notCopied: Doubt = { reason: 'not copied', details: [], differences: [] };

/** A derived rollback recreates a column, and its values come from the copy. */
function isUncopied({ name, up }: Migration): boolean {
  return readDirectives(sourceOf(up), name).noRescue === true;
}

async function askProofs(question: Question): Promise<Answer> {
  if (question.shadowFrom === 'live') return askLive(question);
  try {
    const rollbacks = await askFolder(question);
    return { rollbacks: rollbacks.toReversed(), shadowFrom: 'folder', skipped: [] };
  } catch (error) {
    if (question.shadowFrom === 'folder' || !isFaultOfFolder(error)) throw error;
    const answer = await askLive(question).catch((failure: unknown) => {
      throw isFaultOfFolder(failure) ? failure.with({ reason: whyLive(error) }) : failure;
    });
    return { ...answer, stoppedBy: error };
  }
}

/** Returns why the folder could not be used, for an error of the other way. */
function whyLive({ message, reason }: DbopsError): string[] {
  return [`The folder does not replay either: ${message}`, ...reason];
}

/** Version of the cached proofs; incremented when their meaning changes. */
const generation = 3;

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

  /** Proves as many as the shadow can. @returns the index of the first that needs a new shadow */
  async function proveFrom(shadow: Session, start: number): Promise<number> {
    let last: Moment | undefined;
    for (const [at, { migration, key }] of asked.entries()) {
      if (at < start) continue;
      question.onProve(migration.name);
      const proof = await proveRollback(shadow, migration, question.format, last);
      const { rollback, isIntact } = proof;
      last = proof.last;
      known.set(key, rollback);
      // A module may have failed for want of a package that is installed later.
      const isLasting = rollback.doubts.length === 0 || migration.down?.kind !== 'module';
      if (isLasting) cache.write(key, rollback);
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
  const rollbacks = await withReplayer(
    question,
    (shadow) => proveOnLive(shadow, { live, foreign, guesses, format }),
    { allRoles: true },
  );
  return { rollbacks: rollbacks.toReversed(), shadowFrom: 'live', skipped };
}
