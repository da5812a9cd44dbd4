import type { Foreign, PlannerCatalog } from '../ddl/pg-delta.ts';
import { UnplannableError } from '../ddl/unplannable.ts';
import { rebuild } from '../ddl/rebuild-from-live.ts';
import type { DdlStatement } from '../ddl/statement.ts';
import { readState, RevertError, revertCatalog, runAll } from '../ddl/revert-catalog.ts';
import type { Difference } from '../catalog/differences.ts';
import { preparedRights, scratchSnapshot } from '../shadow/shadow-snapshot.ts';
import { inScratchTransaction, keyOfObject, objectName } from '../catalog/snapshot.ts';
import { lossesBetween, readStorage } from '../catalog/losses.ts';
import { prepare, replayOne } from '../shadow/replay.ts';
import { replayTolerantly, type Skipped } from '../shadow/tolerant-replay.ts';
import { isConnectionLoss } from '../db/connection-error.ts';
import { ScriptError, transaction, type Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { serverSays } from '../sql/error-position.ts';
import { changedKeys, compare, doubt, settings, wayDoubt, type Moment } from './prove.ts';
import type { Doubt, Rollback } from './rollback.ts';

/** A rollback that was derived where the folder replays only in part. */
export interface Guess {
  migration: Migration;
  statements: DdlStatement[];
  /** What the migration changed in the replay. */
  changes: Difference[];
  doubts: Doubt[];
}

/**
 * Replays a folder as far as possible, and derives the rollbacks of its newest migrations.
 * @returns the rollbacks, oldest first, and the statements that were skipped
 */
export async function guessWays(
  shadow: Session,
  { before, asked, format }: { before: Migration[]; asked: Migration[]; format: Format },
): Promise<{ guesses: Guess[]; skipped: Skipped[] }> {
  const skipped: Skipped[] = [];
  const guesses: Guess[] = [];
  await prepare(shadow, format);
  for (const migration of before)
    skipped.push(...(await replayTolerantly(shadow, migration, format)).skipped);
  for (const migration of asked) {
    const objects = await scratchSnapshot(shadow);
    const state = await inScratchTransaction(shadow, () => readState(shadow));
    skipped.push(...(await replayTolerantly(shadow, migration, format)).skipped);
    const after = await scratchSnapshot(shadow);
    guesses.push(
      await inScratchTransaction(shadow, async () => {
        const changes = await compare(shadow, objects, after);
        if (migration.down) return { migration, statements: [], changes, doubts: [] };
        await shadow.script(settings);
        const way = await revertCatalog(shadow, state, { rebuild: false }).catch(wayDoubt);
        return Array.isArray(way)
          ? { migration, statements: way, changes, doubts: [] }
          : { migration, statements: [], changes, doubts: [way] };
      }),
    );
  }
  return { guesses, skipped };
}

/**
 * Proves rollbacks on a copy of the live catalog: down and up again must produce the current live
 * catalog, and down must change what the migration changed in the replay, and nothing else.
 * @param guesses oldest first, as `guessWays` returns them
 */
export async function proveOnLive(
  shadow: Session,
  {
    live,
    foreign,
    guesses,
    format,
  }: { live: PlannerCatalog; foreign: Foreign; guesses: Guess[]; format: Format },
): Promise<Rollback[]> {
  await prepare(shadow, format);
  await transaction(shadow, async () => {
    await shadow.script(settings);
    await rebuild(shadow, live, foreign);
  }).catch((error: unknown) => {
    throw isConnectionLoss(error) ? error : cannotCopy(error);
  });
  const rollbacks: Rollback[] = [];
  for (const guess of guesses.toReversed()) {
    const storage = await readStorage(shadow);
    const doubts = guess.doubts.length > 0 ? guess.doubts : await proveOne(shadow, guess, format);
    const { name, down } = guess.migration;
    rollbacks.unshift({
      name,
      source: down ? 'file' : 'derived',
      statements: guess.statements,
      changes: guess.changes,
      losses: lossesBetween(storage, await readStorage(shadow)),
      doubts,
    });
    if (doubts.length > 0) break;
  }
  return rollbacks;
}

async function proveOne(shadow: Session, guess: Guess, format: Format): Promise<Doubt[]> {
  const { migration, changes } = guess;
  const now = await look(shadow);
  const failed = await takeBack(shadow, guess, format);
  if (failed) return [failed];
  const before = await scratchSnapshot(shadow);
  const changed = await inScratchTransaction(shadow, () => compare(shadow, before, now.objects));
  const strangers = changedKeys(keysOf(changes), keysOf(changed));
  if (strangers.length > 0) return [doubt('not as before', strangers)];
  try {
    await replayOne(shadow, migration, format);
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return [doubt('up fails', [error.message, ...error.reason])];
  }
  const again = await look(shadow);
  const differences = await inScratchTransaction(shadow, () =>
    compare(shadow, now.objects, again.objects),
  );
  if (differences.length > 0) return [doubt('up differs', [], differences)];
  const rights = changedKeys(now.rights, again.rights);
  if (rights.length > 0) return [doubt('rights', rights)];
  const last = await takeBack(shadow, guess, format);
  return last ? [last] : [];
}

async function look(shadow: Session): Promise<Pick<Moment, 'objects' | 'rights'>> {
  const objects = await scratchSnapshot(shadow);
  return { objects, rights: await inScratchTransaction(shadow, () => preparedRights(shadow)) };
}

function keysOf(differences: readonly Difference[]): ReadonlyMap<string, string> {
  return new Map(
    differences.map(({ change, object }) => [
      `${change} ${object.kind} ${objectName(object)}`,
      keyOfObject(object),
    ]),
  );
}

async function takeBack(
  shadow: Session,
  { migration, statements }: Guess,
  format: Format,
): Promise<Doubt | undefined> {
  try {
    if (migration.down) await replayOne(shadow, migration, format, 'down');
    else
      await transaction(shadow, async () => {
        await shadow.script(settings);
        await runAll(shadow, statements);
      });
    return undefined;
  } catch (error) {
    if (error instanceof DbopsError) return doubt('down fails', [error.message, ...error.reason]);
    if (error instanceof RevertError || error instanceof UnplannableError) return wayDoubt(error);
    throw error;
  }
}

/** The objects of the live database cannot all be created in the shadow. */
function cannotCopy(error: unknown): DbopsError {
  const cause = error instanceof ScriptError ? error.cause : error;
  return new DbopsError({
    code: 'SHADOW.LIVE_COPY',
    exitCode: exitCodes.failed,
    message:
      'The schema of the database cannot be copied into a shadow database, so no rollback is proven.',
    reason: cause instanceof DbopsError ? [cause.message] : serverSays(cause),
    hint: 'Write a down for the migration, or a migration that undoes it: dbops migrate new NAME',
    cause,
  });
}
