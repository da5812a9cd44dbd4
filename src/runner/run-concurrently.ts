import { signed } from '../db/backend.ts';
import { withWatchedLocks } from '../db/lock-watch.ts';
import { resetSettings } from '../db/search-path.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Effect } from '../sql/non-transactional.ts';
import type { Statement } from '../sql/statements.ts';
import { saveCheckpoint, type CheckpointedStep } from './checkpoint.ts';
import { finishOf, hasHappened, leftoversOf, locate, stateOf } from './concurrent-effect.ts';
import { scriptOf, resetSession, resetToRole, type Step } from './step.ts';

/** A statement that cannot run in a transaction, and the progress of its file. */
export interface Alone {
  step: CheckpointedStep;
  statement: Statement;
  /** What the file has SET so far. */
  settings: readonly string[];
  /** Parts of the file that are committed. */
  done: number;
  /**
   * An earlier run started the statement and its end is unknown; the catalog was like this before.
   */
  begun?: { before: string | null };
}

/**
 * Runs CREATE INDEX CONCURRENTLY or its like. The checkpoint is written before and after, with the
 * state that the statement changes, so that a later run can find out whether it happened.
 *
 * @throws code 7 naming the blockers when it waited for others for longer than there is patience
 */
export async function runAlone(alone: Alone): Promise<void> {
  const { session } = alone.step.run;
  const placed = await withPlaces(alone);
  const { begun, statement } = placed;
  const { effect } = statement;
  const seen = effect ? await stateOf(session, effect) : null;
  if (!(effect && begun && hasHappened(effect, begun.before, seen))) {
    const isDropped = effect ? await dropLeftovers(placed, effect) : false;
    await begin(placed, effect && isDropped ? await stateOf(session, effect) : seen);
  }
  await session.script(scriptOf(resetToRole, finished(alone), resetSettings(session)));
}

/** Resolves the names in the statement under the settings of the file. */
async function withPlaces(alone: Alone): Promise<Alone> {
  const { statement } = alone;
  if (!statement.effect) return alone;
  const { session } = alone.step.run;
  const settings = settingsOf(alone, statement.letsPass);
  if (settings.length > 0) await session.script(scriptOf(...settings));
  const effect = await locate(session, statement.effect);
  if (settings.length > 0) await session.script(resetSession(session));
  return { ...alone, statement: { ...statement, effect } };
}

async function begin(alone: Alone, before: string | null): Promise<void> {
  const { sql, effect, letsPass } = alone.statement;
  const { run } = alone.step;
  const { session } = run;
  const unfinished = effect && (await finishOf(session, effect));
  const settings = settingsOf(alone, letsPass && !unfinished);
  await session.script(scriptOf(resetToRole, save(alone, before), ...settings));
  await runWatched(alone, unfinished ?? sql).catch(async (error: unknown) => {
    const isHurried = run.signal.aborted || error instanceof DbopsError;
    // What cannot be undone now is left to the next run by the checkpoint.
    const isClean = await cleanUp(alone, before, isHurried).then(
      () => true,
      () => false,
    );
    if (!run.isPooled) await session.script(resetSession(session)).catch(() => {});
    throw !isClean && effect && error instanceof DbopsError
      ? error.with({
          reason: ['What it left unfinished could not be cleaned up; the next run does that.'],
        })
      : error;
  });
}

/** The server limits how long others queue behind a statement, or, where it can't, we do. */
function runWatched(
  { step, statement }: Pick<Alone, 'step' | 'statement'>,
  sql: string,
  patience = step.run.patience,
): Promise<void> {
  const { session, worker, isPooled } = step.run;
  const work = () => session.alone(signed(worker, sql));
  if (!statement.letsPass && !isPooled) return work();
  const { retry, lockTimeout } = step;
  return withWatchedLocks(session, { ...retry, patience, lockTimeout }, work);
}

/**
 * For a statement that does not block queries, `lock_timeout` is off: it waits for old snapshots
 * by design. Behind a pooler nothing can be set for what is not in a transaction.
 */
function settingsOf({ step, settings }: Alone, letsPass: boolean): string[] {
  if (step.run.isPooled) return [];
  const endless = letsPass ? ['SET lock_timeout = 0'] : [];
  return [...step.limits.session, step.userPath.session, ...endless, ...settings];
}

function save({ step, done }: Alone, before: string | null): string {
  return saveCheckpoint(step, { done, begun: true, before });
}

function finished({ step, done }: Alone): string {
  return saveCheckpoint(step, { done: done + 1 });
}

/**
 * An INVALID index serves no query, slows down every write, and would make IF NOT EXISTS skip the
 * statement.
 */
async function dropLeftovers(alone: Alone, effect: Effect): Promise<boolean> {
  const { step, begun } = alone;
  const { run } = step;
  const leftovers = await leftoversOf(run.session, effect, begun?.before);
  for (const { index, builder } of leftovers) {
    if (builder !== null) throw beingBuilt(step, index, builder);
    run.onNote(
      step,
      `drops the index ${index}: it is INVALID, left by a CREATE INDEX CONCURRENTLY that did not complete`,
    );
    await runWatched(alone, dropOf(index));
  }
  return leftovers.length > 0;
}

const dropOf = (index: string) => `DROP INDEX CONCURRENTLY IF EXISTS ${index}`;

/**
 * Milliseconds for the cleanup, when the statement itself has waited long enough or the run was
 * interrupted.
 */
const hurry = 500;

/** Drops what a failed statement left, so that the next run starts it again. */
async function cleanUp(alone: Alone, before: string | null, isHurried: boolean) {
  const { step, statement, done } = alone;
  const { session, isPooled, patience } = step.run;
  if (isHurried && !isPooled) await session.script(`SET statement_timeout = ${hurry}`);
  const leftovers = statement.effect ? await leftoversOf(session, statement.effect, before) : [];
  for (const { index, builder } of leftovers)
    if (builder === null) await runWatched(alone, dropOf(index), isHurried ? hurry : patience);
  await session.script(
    scriptOf(resetToRole, saveCheckpoint(step, { done }), resetSettings(session)),
  );
}

function beingBuilt({ migration }: Step, index: string, pid: number): DbopsError {
  return new DbopsError({
    code: 'LOCK.INDEX',
    exitCode: exitCodes.locked,
    message: `${migration.name} creates the index ${index}, which another session is building now (pid ${pid}).`,
    hint: 'Run the command again when that session has finished.',
  });
}
