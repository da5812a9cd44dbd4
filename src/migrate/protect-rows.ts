import type { Loss } from '../catalog/losses.ts';
import type { Session } from '../db/session.ts';
import type { DbopsError } from '../errors.ts';
import type { Direction } from '../migration.ts';
import { countLosses, type LossCount } from '../rescue/count.ts';
import { guardFor, type Guard, type GuardOutcome } from '../rescue/guard.ts';
import type { Kept } from '../rescue/keep.ts';
import { distinct, readAgain, readRecords, type RescueRecord } from '../rescue/record.ts';
import type { Fates } from '../rescue/restore/fate.ts';
import { restoreError } from '../rescue/restore/restore-error.ts';
import { restore, type Restored } from '../rescue/restore/run.ts';
import { statedLosses } from '../rescue/stated.ts';
import { destructionsOf, type Destruction } from '../sql/destructions.ts';
import type { ObjectName } from '../sql/stand-alone.ts';
import type { Step, StepResult } from './step.ts';

/*
 * Protects the rows of a run in three phases, each of which takes the values of the one before:
 * planProtection reads what the steps destroy and restore, guardSteps surrounds the steps with
 * what copies and restores, settle restores what is left and accounts for every record.
 */

/** What steps are expected to destroy, by the names of their migrations. */
export interface ExpectedLosses {
  /** Seen in a shadow. */
  losses: ReadonlyMap<string, readonly Loss[]>;
  /** Said by the text. Every migration that may destroy something has an entry. */
  stated: ReadonlyMap<string, readonly Destruction[]>;
  /**
   * SQL that follows the script of a step once the rows are back: what only tables with their rows
   * satisfy.
   */
  rules?: ReadonlyMap<string, string>;
  /** Why there was no shadow. */
  withoutShadow?: string;
}

export const noLosses: ExpectedLosses = { losses: new Map(), stated: new Map() };

/** What one step is expected to destroy, with counts as the database is now. */
export interface StepLosses {
  migration: string;
  losses: LossCount[];
}

/** Rows that a migration deleted on a condition: dbops does not copy those. */
export interface UncopiedRows {
  migration: string;
  table: ObjectName;
}

/** The plan of one direction. */
export interface Protection {
  /** The tracking table of the folder. */
  tracking: string;
  direction: Direction;
  expected: ExpectedLosses;
  counts: readonly StepLosses[];
  /** Records, not yet restored in full, of what the steps undo. */
  returning: readonly RescueRecord[];
  /** The same of migrations that earlier runs have rolled back. */
  waiting: readonly RescueRecord[];
  /** What rolling the steps back cannot restore, because there is no copy. */
  uncopied: readonly UncopiedRows[];
  /** Names of steps for which the run itself makes the copies first. */
  copiedWithin: readonly string[];
  /** Names of backfills that run before one of the steps. */
  backfills: readonly string[];
}

export interface ProtectionRequest {
  session: Session;
  tracking: string;
  direction: Direction;
  steps: readonly Step[];
  expected?: ExpectedLosses | undefined;
  /** Names of migrations that are in the folder and not applied. */
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
  const counts: StepLosses[] = [];
  for (const { migration } of steps) {
    const said = await statedLosses(session, stated.get(migration.name) ?? [], isAlone);
    const all = distinct([...(losses.get(migration.name) ?? []), ...said]);
    counts.push({ migration: migration.name, losses: await countLosses(session, all) });
  }
  return counts;
}

/** What the migrations themselves had deleted on a condition, by their texts. */
async function uncopiedBy(steps: readonly Step[]): Promise<UncopiedRows[]> {
  const uncopied: UncopiedRows[] = [];
  for (const { migration } of steps) {
    if (migration.up.kind !== 'sql') continue;
    for (const destruction of await destructionsOf(migration.up.sql))
      if (destruction.kind === 'some-rows')
        uncopied.push({ migration: migration.name, table: destruction.table });
  }
  return uncopied;
}

/** What a person or a flag decided. */
export interface Agreement {
  /** Destroys without a copy. */
  discards: boolean;
  /** Restores what the steps create a place for. */
  restores: boolean;
}

/** A protection that is agreed to, and what its guards did, by the names of the migrations. */
export interface Guarding {
  protection: Protection;
  agreement: Agreement;
  outcomes: Map<string, GuardOutcome>;
}

/** A protection that is ready to guard steps; nothing has run. */
export function agreed(protection: Protection, agreement: Agreement): Guarding {
  return { protection, agreement, outcomes: new Map() };
}

/**
 * Returns the steps with guards that copy what they destroy and restore what they bring back, each
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

function guardOf(migration: string, { protection, agreement, outcomes }: Guarding): Guard {
  const { tracking, direction, expected } = protection;
  const { discards, restores } = agreement;
  const rules = expected.rules?.get(migration);
  return guardFor({
    cause: { tracking, migration, direction },
    losses: expected.losses.get(migration) ?? [],
    stated: expected.stated.get(migration) ?? [],
    isStatedAlone: expected.withoutShadow !== undefined,
    discards,
    restores,
    ...(rules !== undefined && { rules }),
    onOutcome: (outcome) => outcomes.set(migration, outcome),
  });
}

/** What became of the rows of a run. */
export interface Settlement {
  direction: Direction;
  /** Copied before they were destroyed. */
  kept: readonly KeptBy[];
  /** What was tried to be restored, by the steps or after them. */
  restored: readonly Restored[];
  /** What was not tried, because nobody asked for it, or because the server refused it. */
  restorable: readonly RescueRecord[];
  /** What restoring the copies of earlier runs would do. */
  waiting: readonly Restored[];
  uncopied: readonly UncopiedRows[];
  /** Why something was not restored that should have been. */
  error?: DbopsError;
}

export interface KeptBy {
  migration: string;
  copy: Kept;
}

/**
 * Restores what the steps could not restore themselves (a parent came back in a later step), and
 * accounts for every record of the steps that are done. Where there is none the database is not
 * asked: the run may have lost its connection.
 */
export async function settle(
  session: Session,
  { protection, agreement, outcomes }: Guarding,
  results: readonly StepResult[],
): Promise<Settlement> {
  const { direction } = protection;
  const done = results.flatMap((result) =>
    result.state === 'done' && result.direction === direction ? result.name : [],
  );
  const reports = done.flatMap((name) => outcomes.get(name) ?? []);
  const within = reports.flatMap(({ restored }) => restored);
  const known = [
    ...protection.returning.filter(({ migration }) => done.includes(migration)),
    ...reports.flatMap(({ returning }) => returning),
  ];
  const left = leftOver(known, within);
  const tried = await restoreLeft(session, left, within, agreement.restores);
  return {
    direction,
    kept: done.flatMap((migration) =>
      (outcomes.get(migration)?.kept ?? []).map((copy) => ({ migration, copy })),
    ),
    ...tried,
    waiting: done.length > 0 ? await lookAt(session, protection.waiting) : [],
    uncopied: protection.uncopied.filter(({ migration }) => done.includes(migration)),
  };
}

/** The records that the steps have not restored in full, once each. */
function leftOver(
  records: readonly RescueRecord[],
  within: readonly Restored[],
): readonly RescueRecord[] {
  const whole = new Set(within.filter(isWhole).map(({ record }) => record.id));
  return [...new Map(records.map((record) => [record.id, record])).values()].filter(
    ({ id }) => !whole.has(id),
  );
}

/** Whether nothing of a record is left that exists only in its copy. */
export function isWhole({ fates, obstacle }: Restored): boolean {
  return obstacle === undefined && fates.conflict + fates.orphan + fates.missing === 0;
}

type Tried = Pick<Settlement, 'restored' | 'restorable' | 'error'>;

async function restoreLeft(
  session: Session,
  left: readonly RescueRecord[],
  within: readonly Restored[],
  restores: boolean,
): Promise<Tried> {
  if (left.length === 0) return { restored: within, restorable: [] };
  if (!restores) return { restored: within, restorable: left };
  const { restored, restorable, error } = await restoreEach(session, left);
  const before = new Map(within.map((one) => [one.record.id, one]));
  const again = new Set(restored.map(({ record }) => record.id));
  return {
    restored: [
      ...within.filter(({ record }) => !again.has(record.id)),
      ...restored.map((one) => merge(before.get(one.record.id), one)),
    ],
    restorable,
    ...(error && { error }),
  };
}

/** All together, because they may refer to one another; each alone where the server refuses that. */
async function restoreEach(session: Session, records: readonly RescueRecord[]): Promise<Tried> {
  const together = await attempt(session, records);
  if ('restored' in together) return { restored: together.restored, restorable: [] };
  if (records.length === 1) return { restored: [], restorable: records, ...together };
  const restored: Restored[] = [];
  const restorable: RescueRecord[] = [];
  for (const record of records) {
    const alone = await attempt(session, [record]);
    if ('restored' in alone) restored.push(...alone.restored);
    else restorable.push(record);
  }
  return { restored, restorable, ...(restorable.length > 0 && together) };
}

async function attempt(
  session: Session,
  records: readonly RescueRecord[],
  dryRun = false,
): Promise<{ restored: Restored[] } | { error: DbopsError }> {
  try {
    const now = await readAgain(session, records);
    return { restored: await restore(session, now, { dryRun, overwrite: false }) };
  } catch (error) {
    return { error: restoreError(error, records) };
  }
}

/** What became of a record in two attempts; what the first restored is `same` for the second. */
function merge(first: Restored | undefined, second: Restored): Restored {
  if (first === undefined || second.obstacle !== undefined) return first ?? second;
  const { restored } = first.fates;
  const fates: Fates = {
    ...second.fates,
    restored: restored + second.fates.restored,
    same: Math.max(0, second.fates.same - restored),
  };
  return { ...second, fates };
}

/** Changes nothing; what the server refuses to try is not counted. */
async function lookAt(session: Session, records: readonly RescueRecord[]): Promise<Restored[]> {
  if (records.length === 0) return [];
  const looked = await attempt(session, records, true);
  return 'restored' in looked ? looked.restored : [];
}
