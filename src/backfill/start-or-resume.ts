import type { Session } from '../db/session.ts';
import { transaction } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { hashOf, type Backfill } from './definition.ts';
import {
  createState,
  readRecord,
  readRanges,
  replaceRanges,
  saveRanges,
  type BackfillRecord,
} from './store.ts';
import { divide, type ScanRange } from './strategy.ts';
import type { Relation } from './read-table.ts';
import type { Subject } from './resolve-target.ts';
import { shellWord } from '../output/shell.ts';

/** The work that remains of a backfill. */
export interface RunPlan {
  ranges: ScanRange[];
  /** Pages of all ranges. */
  pages: number;
  /** Whether it resumes an interrupted run. */
  isResumed: boolean;
  /** The record of the interrupted run. */
  previous?: BackfillRecord;
}

/**
 * Resumes an interrupted run, or starts one.
 *
 * @throws usage error when the backfill is paused, or its definition changed since the interruption
 */
export async function startOrResume(
  session: Session,
  backfill: Backfill,
  subjects: readonly Subject[],
  { workers, restart }: { workers: number; restart: boolean },
): Promise<RunPlan> {
  await session.script(createState);
  const previous = await readRecord(session, backfill.name);
  if (previous?.pausedAt) throw paused(previous);
  const isInterrupted =
    previous !== undefined && !['complete', 'incomplete'].includes(previous.state);
  if (!isInterrupted || restart) return startOver(session, backfill, subjects, workers);
  if (previous.hash !== hashOf(backfill)) throw definitionChanged(backfill.name);
  await session.query(
    `UPDATE dbops.backfills SET state = 'running', runner = current_setting('application_name'),
            runner_pid = $2, heartbeat_at = clock_timestamp(), waits_for = NULL WHERE name = $1`,
    [backfill.name, session.pid],
  );
  return {
    ...(await reuseRanges(session, backfill, subjects, workers)),
    isResumed: true,
    previous,
  };
}

async function startOver(
  session: Session,
  backfill: Backfill,
  subjects: readonly Subject[],
  workers: number,
): Promise<RunPlan> {
  const { name } = backfill;
  const ranges = divide(relationsOf(subjects), workers);
  const estimate = relationsOf(subjects).reduce((sum, { rows }) => sum + rows, 0);
  await transaction(session, async () => {
    await session.query(
      `INSERT INTO dbops.backfills (name, hash, definition, state, runner, runner_pid, estimate)
       VALUES ($1, $2, $3, 'running', current_setting('application_name'), $4, $5)
       ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, definition = excluded.definition, state = 'running',
         runner = excluded.runner, runner_pid = excluded.runner_pid, estimate = excluded.estimate, account = NULL,
         strategy = NULL, waits_for = NULL, started_at = now(), active_ms = 0, heartbeat_at = now(), finished_at = NULL`,
      [name, hashOf(backfill), JSON.stringify(backfill), session.pid, Math.round(estimate)],
    );
    await session.script(saveRanges(name, ranges));
  });
  return { ranges, pages: pagesOf(ranges), isResumed: false };
}

/**
 * Returns the ranges of an interrupted run that are still valid. A table that was rewritten or added
 * since gets new ranges.
 */
export async function reuseRanges(
  session: Session,
  { name }: Backfill,
  subjects: readonly Subject[],
  workers: number,
): Promise<Pick<RunPlan, 'ranges' | 'pages'>> {
  const known = await readRanges(session, name);
  const belongsTo = (
    range: ScanRange,
    { oid, filenode, target }: ReturnType<typeof relationsOf>[number],
  ) => range.relation === oid && range.filenode === filenode && range.target === target;
  const relations = relationsOf(subjects);
  const stale = known.filter((range) => !relations.some((relation) => belongsTo(range, relation)));
  const fresh = relations.filter((relation) => !known.some((range) => belongsTo(range, relation)));
  const firstId = Math.max(-1, ...known.map(({ id }) => id)) + 1;
  const added = divide(fresh, workers).map((range) => ({ ...range, id: range.id + firstId }));
  if (stale.length + added.length > 0)
    await transaction(session, () =>
      session.script(
        replaceRanges(
          name,
          stale.map(({ id }) => id),
          added,
        ),
      ),
    );
  const valid = known.filter((range) => !stale.includes(range));
  return {
    ranges: [...valid.filter(({ isDone }) => !isDone), ...added],
    pages: pagesOf([...valid, ...added]),
  };
}

function pagesOf(ranges: readonly ScanRange[]): number {
  return ranges.reduce((sum, { first, end }) => sum + end - first, 0);
}

function relationsOf(subjects: readonly Subject[]): (Relation & { target: number })[] {
  return subjects.flatMap(({ relations }, target) =>
    relations.map((relation) => ({ ...relation, target })),
  );
}

function paused({ name, pausedBy, pausedAt }: BackfillRecord) {
  return usageError(
    'BACKFILL.PAUSED',
    `Backfill ${name} was paused by ${pausedBy} (${pausedAt?.toISOString()}); nothing was started.`,
    `Resume it: dbops backfill resume ${shellWord(name)}`,
  );
}

function definitionChanged(name: string) {
  return usageError(
    'BACKFILL.CHANGED',
    `The definition of ${name} changed since its run was interrupted; rows may have been filled with other values.`,
    `Restore the definition, or start over (rows with a value keep it): dbops backfill run ${shellWord(name)} --restart`,
  );
}
