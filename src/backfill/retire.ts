import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Backfill } from './definition.ts';
import { resolveTarget } from './resolve-target.ts';
import { readDefinition } from './store.ts';
import { dropOwnedTriggers, removeTriggers, type LockLimits } from './trigger-install.ts';

/** Drops the triggers of a backfill whose columns a migration has enforced. */
export async function retireBackfill(
  session: Session,
  backfill: Backfill,
  options: LockLimits,
): Promise<void> {
  for (const target of backfill.targets) {
    const subject = await resolveTarget(session, target).catch(nothingIfUnfillable);
    if (subject) await removeTriggers(session, [subject], options);
  }
  await dropOwnedTriggers(session, options, (owner) => owner.backfill === backfill.name);
  await session.query('UPDATE dbops.backfills SET has_trigger = false WHERE name = $1', [
    backfill.name,
  ]);
}

/**
 * Drops the triggers that have nothing left to do after a migration: their column is NOT NULL now, or
 * their table, column or source no longer exists.
 *
 * @returns the names of their backfills
 */
export async function retireObsolete(session: Session, options: LockLimits): Promise<string[]> {
  return dropOwnedTriggers(session, options, async ({ backfill, target }) => {
    const recorded = (await readDefinition(session, backfill))?.targets[target];
    if (!recorded) return false;
    const subject = await resolveTarget(session, recorded).catch(nothingIfUnfillable);
    return subject === undefined || subject.isNotNull;
  });
}

/**
 * Drops the triggers of a backfill that can no longer run, because a table or column of it was dropped.
 *
 * @returns why it cannot run; nothing if it can
 */
export async function retireUnfillable(
  session: Session,
  backfill: Backfill,
  options: LockLimits,
): Promise<string | undefined> {
  for (const target of backfill.targets) {
    const error: unknown = await resolveTarget(session, target).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) continue;
    if (!isUnfillable(error)) throw error;
    await retireBackfill(session, backfill, options);
    return error.message;
  }
  return undefined;
}

function nothingIfUnfillable(error: unknown): undefined {
  if (!isUnfillable(error)) throw error;
}

function isUnfillable(error: unknown): error is DbopsError {
  return error instanceof DbopsError && error.exitCode === exitCodes.usage;
}
