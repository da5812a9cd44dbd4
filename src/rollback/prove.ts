import { grantsOf, UnplannableError } from '../ddl/pg-delta.ts';
import type { DdlStatement } from '../ddl/statement.ts';
import {
  DropsTable,
  revertCatalog,
  readState,
  RevertError,
  type CatalogState,
} from '../ddl/revert-catalog.ts';
import { differencesOf, judgeIn, type Difference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { preparedSnapshot, scratchSnapshot } from '../shadow/shadow-snapshot.ts';
import { inScratchTransaction, fixedSettings } from '../catalog/snapshot.ts';
import { lossesBetween, readStorage } from '../catalog/losses.ts';
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
 * Settings of a derived script: its names are qualified, and its texts were read under these. A
 * function may be made before what its body names.
 */
export const settings = `${fixedSettings}; SET LOCAL check_function_bodies = off`;

/** What a shadow is at a point of the folder. */
interface Moment {
  objects: SchemaObject[];
  state: CatalogState;
}

export interface RollbackProof {
  rollback: Rollback;
  /** The shadow has all that the migration made, and serves for the next one. */
  isIntact: boolean;
}

/**
 * Runs a migration in a shadow, takes it back, and runs it again.
 *
 * The shadow has all migrations before it, and has this one too in the end.
 */
export async function proveRollback(
  shadow: Session,
  migration: Migration,
  format: Format,
): Promise<RollbackProof> {
  const before = await look(shadow);
  const mark = await markOf(shadow);
  await replayOne(shadow, migration, format);
  const after = await scratchSnapshot(shadow);
  const storage = await readStorage(shadow);
  const taken = migration.down
    ? await takeBackByFile(shadow, migration, format, before)
    : await takeBackByDerivation(shadow, before, mark);
  const losses = lossesBetween(storage, await readStorage(shadow));
  const doubts =
    taken.doubts.length > 0
      ? taken.doubts
      : await runAgain(shadow, { migration, format, after, mark });
  const changes = await inScratchTransaction(shadow, () => compare(shadow, before.objects, after));
  const source = migration.down ? 'file' : 'derived';
  const { statements, isEmptied = false } = taken;
  return {
    rollback: { name: migration.name, source, statements, changes, losses, doubts },
    isIntact: doubts.length === 0 && !isEmptied,
  };
}

async function look(shadow: Session): Promise<Moment> {
  const objects = await scratchSnapshot(shadow);
  return { objects, state: await inScratchTransaction(shadow, () => readState(shadow)) };
}

/** In a transaction of the shadow, which judges what is spelled in two ways. */
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
  /** Rows of the shadow are in the way. */
  isUpToRows?: boolean;
  /** They had to be taken out. */
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
 * What a rollback does to rows is not asked of the shadow: the few that migrations have put there
 * are taken out where they are in the way.
 */
async function takeBackByDerivation(shadow: Session, before: Moment, mark: Mark): Promise<Taken> {
  const first = await tryWays(shadow, before);
  if (!first.isUpToRows) return first;
  await removeRowsSince(shadow, mark);
  const second = await tryWays(shadow, before);
  if (!second.isUpToRows) return second;
  await removeRowsSince(shadow, theBeginning);
  return { ...(await tryWays(shadow, before)), isEmptied: true };
}

/** A label of an enum type that was added can not be used in the same transaction. */
async function tryWays(shadow: Session, before: Moment): Promise<Taken> {
  const first = await tryWay(shadow, before, { rebuild: false });
  if (first.doubts.length === 0 || first.isUpToRows) return first;
  const second = await tryWay(shadow, before, { rebuild: true });
  return second.doubts.length === 0 || second.isUpToRows ? second : first;
}

async function tryWay(
  shadow: Session,
  before: Moment,
  options: { rebuild: boolean },
): Promise<Taken> {
  await shadow.script(`BEGIN; RESET SESSION AUTHORIZATION; RESET ROLE; ${settings}`);
  let isDone = false;
  try {
    const statements = await revertCatalog(shadow, before.state, options);
    let doubts = await doubtsOf(shadow, before, await preparedSnapshot(shadow));
    if (doubts.length > 0) {
      // What comes back gets the default privileges of today, whatever had been revoked from it.
      const rest = await revertCatalog(shadow, before.state, options);
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

/** Whether the shadow is as it was, fact by fact. */
async function doubtsOf(
  shadow: Session,
  before: Moment,
  now: readonly SchemaObject[],
): Promise<Doubt[]> {
  const differences = await compare(shadow, before.objects, now);
  if (differences.length > 0) return [doubt('not as before', [], differences)];
  const { facts } = await readState(shadow);
  const rights = changedKeys(grantsOf(before.state.facts), grantsOf(facts));
  return rights.length > 0 ? [doubt('rights', rights)] : [];
}

/** The doubt that an error of `revertCatalog` leaves. @throws any other error */
export function wayDoubt(error: unknown): Doubt {
  if (error instanceof UnplannableError || error instanceof DropsTable)
    return doubt('no way', [error.message]);
  if (!(error instanceof RevertError)) throw error;
  const code = codeOf(error.cause);
  return doubt('no way', [`${error.message}${code && ` (SQLSTATE ${code})`}`, shortened(error.sql)]);
}

/** Keys that only one of the two has, or that have another value in each. */
export function changedKeys(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

interface Again {
  migration: Migration;
  format: Format;
  after: readonly SchemaObject[];
  mark: Mark;
}

/**
 * Rows that the migration itself inserted are still there: they would stand in the way of its
 * second run in the shadow, but they are no part of what is compared.
 */
async function runAgain(shadow: Session, again: Again): Promise<Doubt[]> {
  const { migration, format, after, mark } = again;
  try {
    await replayOne(shadow, migration, format).catch(async (error: unknown) => {
      if (!(error instanceof DbopsError && isIntegrityViolation(error.cause))) throw error;
      await removeRowsSince(shadow, mark);
      await replayOne(shadow, migration, format);
    });
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return [doubt('up fails', [error.message, ...error.reason])];
  }
  const now = await scratchSnapshot(shadow);
  const differences = await inScratchTransaction(shadow, () => compare(shadow, after, now));
  return differences.length > 0 ? [doubt('up differs', [], differences)] : [];
}

/** Class 23 of SQLSTATE. */
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
