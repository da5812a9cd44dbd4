import { readPlannerCatalog, type PlannerCatalog } from '../ddl/pg-delta.ts';
import { UnplannableError } from '../ddl/unplannable.ts';
import type { DdlStatement } from '../ddl/statement.ts';
import {
  DropsTable,
  revertCatalog,
  readIdentity,
  RevertError,
  type CatalogState,
} from '../ddl/revert-catalog.ts';
import { differencesOf, judgeIn, type Difference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import {
  preparedRights,
  preparedSnapshot,
  preparedStorage,
  scratchSnapshot,
} from '../shadow/shadow-snapshot.ts';
import { inScratchTransaction, fixedSettings } from '../catalog/snapshot.ts';
import { lossesBetween } from '../catalog/losses.ts';
import { replayOne } from '../shadow/replay.ts';
import { shortened } from '../sql/error-position.ts';
import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { markOf, removeRowsSince, theBeginning, type Mark } from './shadow-rows.ts';
import type { Doubt, Rollback } from './rollback.ts';

/**
 * Settings of a derived script: its names are qualified, and its texts were read under these
 * settings. A function may be created before the objects that its body names.
 */
export const settings = `${fixedSettings}; SET LOCAL check_function_bodies = off`;

/** The catalog of a shadow after a number of migrations. */
export interface Moment {
  objects: SchemaObject[];
  rights: ReadonlyMap<string, string>;
  /** Absent where it was not needed: reading it takes longest. */
  facts?: PlannerCatalog | undefined;
  /** Absent where it was not needed. */
  identity?: Omit<CatalogState, 'facts'> | undefined;
}

export interface RollbackProof {
  rollback: Rollback;
  /**
   * Whether the shadow has everything that the migration creates, so that the next one can use it.
   */
  isIntact: boolean;
  /** The shadow in the end, for the proof of the next migration; absent where it is not known. */
  last?: Moment | undefined;
}

/**
 * Runs a migration in a shadow, reverts it, and runs it again.
 *
 * The shadow has all migrations before it, and afterwards this one too.
 */
export async function proveRollback(
  shadow: Session,
  migration: Migration,
  format: Format,
  known?: Moment,
): Promise<RollbackProof> {
  const isDerived = !migration.down;
  const before = known && (known.facts || !isDerived) ? known : await lookAtAll(shadow, isDerived);
  const mark = await markOf(shadow);
  await replayOne(shadow, migration, format);
  const after = await look(shadow, isDerived);
  const storage = await preparedStorage(shadow);
  const taken = migration.down
    ? await takeBackByFile(shadow, migration, format, before)
    : await takeBackByDerivation(shadow, before, after, mark);
  const losses = lossesBetween(storage, await preparedStorage(shadow));
  const again = taken.doubts.length > 0 ? undefined : { migration, format, after, mark };
  const { doubts, last } = again ? await runAgain(shadow, again) : { doubts: taken.doubts };
  const changes = await inScratchTransaction(shadow, () =>
    compare(shadow, before.objects, after.objects),
  );
  const source = migration.down ? 'file' : 'derived';
  const { statements, isEmptied = false } = taken;
  const isIntact = doubts.length === 0 && !isEmptied;
  return {
    rollback: { name: migration.name, source, statements, changes, losses, doubts },
    isIntact,
    last: isIntact ? last : undefined,
  };
}

async function look(shadow: Session, withFacts: boolean): Promise<Moment> {
  const objects = await scratchSnapshot(shadow);
  return inScratchTransaction(shadow, async () => ({
    objects,
    rights: await preparedRights(shadow),
    facts: withFacts ? await readPlannerCatalog(shadow) : undefined,
  }));
}

async function lookAtAll(shadow: Session, withFacts: boolean): Promise<Moment> {
  const moment = await look(shadow, withFacts);
  const read = () => inScratchTransaction(shadow, () => readIdentity(shadow));
  return { ...moment, identity: withFacts ? await read() : undefined };
}

/** Runs in a transaction of the shadow, which compares expressions that have different texts. */
export function compare(
  shadow: Session,
  expected: readonly SchemaObject[],
  found: readonly SchemaObject[],
): Promise<Difference[]> {
  return differencesOf(expected, found, judgeIn(shadow), { all: true });
}

interface Taken {
  statements: DdlStatement[];
  doubts: Doubt[];
  /** Rows of the shadow violate a constraint. */
  isUpToRows?: boolean;
  /** Whether such rows were deleted. */
  isEmptied?: boolean;
}

async function takeBackByFile(
  shadow: Session,
  migration: Migration,
  format: Format,
  before: Moment,
): Promise<Taken> {
  try {
    await replayOne(shadow, migration, format, 'down');
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return { statements: [], doubts: [doubt('down fails', [error.message, ...error.reason])] };
  }
  const now = await scratchSnapshot(shadow);
  const doubts = await inScratchTransaction(shadow, () => doubtsOf(shadow, before, now));
  return { statements: [], doubts };
}

/**
 * The shadow proves the schema, not rows: the few rows that migrations inserted are deleted where
 * they violate a constraint.
 */
async function takeBackByDerivation(
  shadow: Session,
  before: Moment,
  after: Moment,
  mark: Mark,
): Promise<Taken> {
  const first = await tryWays(shadow, before, after);
  if (!first.isUpToRows) return first;
  await removeRowsSince(shadow, mark);
  const second = await tryWays(shadow, before, after);
  if (!second.isUpToRows) return second;
  await removeRowsSince(shadow, theBeginning);
  return { ...(await tryWays(shadow, before, after)), isEmptied: true };
}

/** A new label of an enum type cannot be used in the transaction that adds it. */
async function tryWays(shadow: Session, before: Moment, after: Moment): Promise<Taken> {
  const { facts } = after;
  const first = await tryWay(shadow, before, { rebuild: false, facts });
  if (first.doubts.length === 0 || first.isUpToRows) return first;
  const second = await tryWay(shadow, before, { rebuild: true, facts });
  return second.doubts.length === 0 || second.isUpToRows ? second : first;
}

async function tryWay(
  shadow: Session,
  before: Moment,
  { rebuild, facts }: { rebuild: boolean; facts: PlannerCatalog | undefined },
): Promise<Taken> {
  const target = before.facts && before.identity && { ...before.identity, facts: before.facts };
  if (!target) throw new Error('a rollback is derived from the catalog before the migration');
  await shadow.script(`BEGIN; RESET SESSION AUTHORIZATION; RESET ROLE; ${settings}`);
  let isDone = false;
  try {
    const statements = await revertCatalog(shadow, target, { rebuild, facts });
    let doubts = await doubtsOf(shadow, before, await preparedSnapshot(shadow));
    if (doubts.length > 0) {
      // A recreated object gets the current default privileges, even those that had been revoked from it.
      const rest = await revertCatalog(shadow, target, { rebuild });
      statements.push(...rest.map((statement) => ({ ...statement, phase: 'rules' as const })));
      doubts = await doubtsOf(shadow, before, await preparedSnapshot(shadow));
    }
    isDone = doubts.length === 0;
    return { statements, doubts };
  } catch (error) {
    const isUpToRows = error instanceof RevertError && isIntegrityViolation(error.cause);
    return { statements: [], doubts: [wayDoubt(error)], isUpToRows };
  } finally {
    await shadow.script(isDone ? 'COMMIT' : 'ROLLBACK');
  }
}

/** Returns whether the catalog of the shadow equals the earlier one in every fact. */
async function doubtsOf(
  shadow: Session,
  before: Moment,
  now: readonly SchemaObject[],
): Promise<Doubt[]> {
  const differences = await compare(shadow, before.objects, now);
  if (differences.length > 0) return [doubt('not as before', [], differences)];
  const rights = changedKeys(before.rights, await preparedRights(shadow));
  return rights.length > 0 ? [doubt('rights', rights)] : [];
}

/** Returns the doubt for an error of `revertCatalog`. @throws any other error */
export function wayDoubt(error: unknown): Doubt {
  if (error instanceof UnplannableError || error instanceof DropsTable)
    return doubt('no way', [error.message]);
  if (!(error instanceof RevertError)) throw error;
  const code = codeOf(error.cause);
  return doubt('no way', [
    `${error.message}${code && ` (SQLSTATE ${code})`}`,
    shortened(error.sql),
  ]);
}

/** Returns the keys that exist in one of the two only, or whose values differ. */
export function changedKeys(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

interface Again {
  migration: Migration;
  format: Format;
  after: Moment;
  mark: Mark;
}

/**
 * Deletes rows that the migration inserted: they would conflict with its second run in the shadow,
 * and are not part of the comparison.
 */
async function runAgain(
  shadow: Session,
  { migration, format, after, mark }: Again,
): Promise<{ doubts: Doubt[]; last?: Moment }> {
  try {
    await replayOne(shadow, migration, format).catch(async (error: unknown) => {
      if (!(error instanceof DbopsError && isIntegrityViolation(error.cause))) throw error;
      await removeRowsSince(shadow, mark);
      await replayOne(shadow, migration, format);
    });
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return { doubts: [doubt('up fails', [error.message, ...error.reason])] };
  }
  const now = await scratchSnapshot(shadow);
  return inScratchTransaction(shadow, async () => {
    const differences = await compare(shadow, after.objects, now);
    if (differences.length > 0) return { doubts: [doubt('up differs', [], differences)] };
    const last = await lastOf(shadow, now, after);
    return { doubts: [], ...(last && { last }) };
  });
}

/** The facts are as after the first run, where objects and privileges are; OIDs are others. */
async function lastOf(
  shadow: Session,
  objects: SchemaObject[],
  { rights, facts }: Moment,
): Promise<Moment | undefined> {
  if (changedKeys(rights, await preparedRights(shadow)).length > 0) return undefined;
  return { objects, rights, facts, identity: facts && (await readIdentity(shadow)) };
}

/** Class 23 of SQLSTATE: integrity constraint violation. */
function isIntegrityViolation(cause: unknown): boolean {
  return codeOf(cause).startsWith('23');
}

export function doubt(
  reason: Doubt['reason'],
  details: string[],
  differences: Difference[] = [],
): Doubt {
  return { reason, details, differences };
}
