import { DbopsError, exitCodes } from '../errors.ts';
import type { Effect } from '../sql/stand-alone.ts';
import type { Statement } from '../sql/statements.ts';
import { saveCheckpoint } from './checkpoint.ts';
import { finishOf, hasHappened, leftoversOf, stateOf } from './effect.ts';
import { limitsOf, scriptOf, toThePlain, type Run, type Step } from './step.ts';

/** A statement that no transaction may hold, and where its file stands. */
export interface Alone {
  step: Step;
  statement: Statement;
  /** What the file has SET so far. */
  settings: readonly string[];
  /** Parts of the file that are committed. */
  done: number;
  /** An earlier run began the statement, and nobody saw it end; the state was this before. */
  begun?: { before: string | null };
}

/**
 * Runs CREATE INDEX CONCURRENTLY or its like. The checkpoint is written before and after, with the
 * state that the statement changes, so that a later run can find out whether it happened.
 */
export async function runAlone(alone: Alone, run: Run): Promise<void> {
  const { statement, begun } = alone;
  const { session } = run;
  const { effect } = statement;
  const settings = settingsOf(alone, run);
  // The names in the statement mean what they mean with the settings of the file.
  if (settings.length > 0) await session.script(scriptOf(...settings));
  const seen = effect ? await stateOf(session, effect) : null;
  if (!(effect && begun && hasHappened(effect, begun.before, seen))) {
    const isDropped = effect ? await dropLeftovers(alone, effect, run) : false;
    const before = effect && isDropped ? await stateOf(session, effect) : seen;
    await session.script(scriptOf(toThePlain, save(alone, run, before), ...settings));
    const unfinished = effect && begun && (await finishOf(session, effect));
    await session.script(unfinished ?? statement.sql).catch(async (error: unknown) => {
      await cleanUp(alone, before, run).catch(() => {}); // the checkpoint leaves it to the next run
      throw error;
    });
  }
  await session.script(scriptOf(toThePlain, finished(alone, run)));
}

/**
 * `lock_timeout` is off: these statements wait for old snapshots by design, under a lock that blocks
 * neither reads nor writes. Behind a pooler nothing can be set for what is not in a transaction.
 */
function settingsOf({ step, settings }: Alone, run: Run): string[] {
  if (run.isPooled) return [];
  return [...limitsOf(step, run, 'SESSION'), 'SET lock_timeout = 0', ...settings];
}

function save({ step, done }: Alone, run: Run, before: string | null): string {
  return saveCheckpoint(step, run, { done, begun: true, before });
}

function finished({ step, done }: Alone, run: Run): string {
  return saveCheckpoint(step, run, { done: done + 1 });
}

/** An INVALID index answers no query, costs every write, and would make IF NOT EXISTS a lie. */
async function dropLeftovers(
  { step, begun }: Alone,
  effect: Effect,
  { session, onNote }: Run,
): Promise<boolean> {
  const leftovers = await leftoversOf(session, effect, begun?.before);
  for (const { index, builder } of leftovers) {
    if (builder !== null) throw beingBuilt(step, index, builder);
    onNote(
      step,
      `drops the index ${index}: it is INVALID, left by a CONCURRENTLY that did not end`,
    );
    await session.script(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
  }
  return leftovers.length > 0;
}

/** Takes back what a failed statement left, so that the next run begins it anew. */
async function cleanUp(alone: Alone, before: string | null, run: Run): Promise<void> {
  const { session, signal, isPooled } = run;
  const { step, statement, done } = alone;
  // Whoever interrupts does not wait for the old snapshots for which the statement waited.
  if (signal.aborted && !isPooled) await session.script('SET statement_timeout = 500');
  const leftovers = statement.effect ? await leftoversOf(session, statement.effect, before) : [];
  for (const { index, builder } of leftovers)
    if (builder === null) await session.script(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
  await session.script(scriptOf(toThePlain, saveCheckpoint(step, run, { done })));
}

function beingBuilt({ migration }: Step, index: string, pid: number): DbopsError {
  return new DbopsError({
    code: 'LOCK.INDEX',
    exitCode: exitCodes.locked,
    message: `${migration.name} creates the index ${index}, which another session is building right now (pid ${pid}).`,
    hint: 'Run the command again when that has ended.',
  });
}
