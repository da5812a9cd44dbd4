import type { Loss } from '../catalog/losses.ts';
import type { Session } from '../db/session.ts';
import type { Direction } from '../migration.ts';
import type { LossCount } from '../rescue/count.ts';
import type { GuardOutcome } from '../rescue/guard.ts';
import { distinct, readRecords, type Destroyed, type RescueRecord } from '../rescue/record.ts';
import type { Destruction } from '../sql/destructions.ts';
import type { RowGuard, Step } from '../runner/step.ts';
import type { UncopiedRows } from '../rescue/report.ts';

/*
 * Protects the rows of a run in three phases, each of which takes the values of the one before:
 * planProtection reads what the steps destroy and restore, guardSteps surrounds the steps with
 * what copies and restores, settle (settle-rows.ts) restores what is left and accounts for every
 * record.
 */

/** What steps are expected to destroy, by the names of their migrations. */
export interface ExpectedLosses {
  /** Losses that a shadow showed. */
  losses: ReadonlyMap<string, readonly Loss[]>;
  /** Losses in the text. Every migration that may destroy something has an entry. */
  stated: ReadonlyMap<string, readonly Destruction[]>;
  /** SQL that runs after the rows of a step are restored: constraints that need those rows. */
  rules?: ReadonlyMap<string, string>;
  /** Why no shadow was used. */
  withoutShadow?: string;
}

const noLosses: ExpectedLosses = { losses: new Map(), stated: new Map() };

/** What one step is expected to destroy, with current counts. */
export interface StepLosses {
  migration: string;
  losses: LossCount[];
}

/** The plan for one direction. */
export interface Protection {
  /** The tracking table of the folder. */
  tracking: string;
  direction: Direction;
  expected: ExpectedLosses;
  counts: readonly StepLosses[];
  /** Records of what the steps undo that are not fully restored. */
  returning: readonly RescueRecord[];
  /** Records of migrations that earlier runs rolled back. */
  waiting: readonly RescueRecord[];
  /** What the rollback cannot restore, because no copy exists. */
  uncopied: readonly UncopiedRows[];
  /** Names of steps whose copies the same run makes. */
  copiedWithin: readonly string[];
  /** Names of backfills that run before a step. */
  backfills: readonly string[];
}

export interface ProtectionRequest {
  session: Session;
  tracking: string;
  direction: Direction;
  steps: readonly Step[];
  expected?: ExpectedLosses | undefined;
  /** Names of the pending migrations of the folder. */
  pending?: readonly string[];
  /** Names of steps that the same run rolls back first. */
  copiedWithin?: readonly string[];
}

/** Plans how the rows of steps of one direction are protected; changes nothing. */
export async function planProtection(request: ProtectionRequest): Promise<Protection> {
  const { session, tracking, direction, steps, expected = noLosses, pending = [] } = request;
  const open = (await readRecords(session)).filter(
    (record) =>
      record.state !== 'restored' && record.tracking === tracking && record.direction !== direction,
  );
  const names = new Set(steps.map(({ migration }) => migration.name));
  const earlier = new Set(pending);
  return {
    tracking,
    direction,
    expected,
    counts: await countsOf(session, steps, expected),
    returning: open.filter(({ migration }) => names.has(migration)),
    waiting: open.filter(({ migration }) => earlier.has(migration)),
    uncopied: direction === 'down' ? await uncopiedBy(steps) : [],
    copiedWithin: request.copiedWithin ?? [],
    backfills: [...new Set(steps.flatMap(({ directives }) => directives.requiresBackfill))],
  };
}

async function countsOf(
  session: Session,
  steps: readonly Step[],
  { losses, stated, withoutShadow }: ExpectedLosses,
): Promise<StepLosses[]> {
  const isAlone = withoutShadow !== undefined;
  if (losses.size + stated.size === 0)
    return steps.map(({ migration }) => ({ migration: migration.name, losses: [] }));
  const { countLosses } = await import('../rescue/count.ts');
  const { statedLosses } = await import('../rescue/losses-in-text.ts');
  const names = steps.map(({ migration }) => migration.name);
  const lost: Destroyed[][] = [];
  for (const name of names) {
    const said = await statedLosses(session, stated.get(name) ?? [], isAlone);
    lost.push(distinct([...(losses.get(name) ?? []), ...said]));
  }
  const counts = await countLosses(session, lost);
  return names.map((migration, at) => ({ migration, losses: counts[at] ?? [] }));
}

/** Rows that the migrations deleted with a condition, according to their texts. */
async function uncopiedBy(steps: readonly Step[]): Promise<UncopiedRows[]> {
  const { destructionsOf } = await import('../sql/destructions.ts');
  const uncopied: UncopiedRows[] = [];
  for (const { migration } of steps) {
    if (migration.up.kind !== 'sql') continue;
    for (const destruction of await destructionsOf(migration.up.sql))
      if (destruction.kind === 'some-rows')
        uncopied.push({ migration: migration.name, table: destruction.table });
  }
  return uncopied;
}

/** The decision of a user or a flag. */
export interface Agreement {
  /** Destroys rows and values without a copy. */
  discards: boolean;
  /** Restores rows whose table or column the steps recreate. */
  restores: boolean;
}

/** A confirmed protection, and the outcome of its guards by migration. */
export interface Guarding {
  protection: Protection;
  agreement: Agreement;
  outcomes: Map<string, GuardOutcome>;
}

/** Returns a protection that is ready to guard steps; nothing has run. */
export function agreed(protection: Protection, agreement: Agreement): Guarding {
  return { protection, agreement, outcomes: new Map() };
}

/**
 * Returns the steps with guards that copy what they destroy and restore rows where they can, each
 * in the transaction of its step. A step that does neither keeps its single round trip.
 */
export function guardSteps(steps: readonly Step[], guarding: Guarding): Step[] {
  const { protection } = guarding;
  const returning = new Set([
    ...protection.returning.map(({ migration }) => migration),
    ...protection.copiedWithin,
  ]);
  return steps.map((step) => {
    const { name } = step.migration;
    const { stated, losses, rules } = protection.expected;
    const isBusy = stated.has(name) || losses.has(name) || rules?.has(name) === true;
    return isBusy || returning.has(name) ? { ...step, guard: guardOf(name, guarding) } : step;
  });
}

function guardOf(migration: string, { protection, agreement, outcomes }: Guarding): RowGuard {
  const { tracking, direction, expected } = protection;
  const { discards, restores } = agreement;
  const rules = expected.rules?.get(migration);
  const watch = {
    cause: { tracking, migration, direction },
    losses: expected.losses.get(migration) ?? [],
    stated: expected.stated.get(migration) ?? [],
    isStatedAlone: expected.withoutShadow !== undefined,
    discards,
    restores,
    ...(rules !== undefined && { rules }),
    onOutcome: (outcome: GuardOutcome) => void outcomes.set(migration, outcome),
  };
  // A run that destroys nothing does not load what copies and restores rows.
  let loaded: RowGuard | undefined;
  const guard = async () => (loaded ??= (await import('../rescue/guard.ts')).guardFor(watch));
  return {
    around: async (...parameters) => (await guard()).around(...parameters),
    before: async (...parameters) => (await guard()).before(...parameters),
    after: async (...parameters) => (await guard()).after(...parameters),
  };
}
