import type { Session } from '../db/session.ts';
import { transaction } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { hashOf, type Backfill } from './definition.ts';
import {
  createState,
  readControl,
  readRanges,
  replaceRanges,
  saveRanges,
  type Control,
} from './store.ts';
import { divide, type Range } from './strategy.ts';
import type { Relation, Subject } from './resolve-target.ts';

/** What is left to do of a backfill. */
export interface Beginning {
  ranges: Range[];
  /** Pages of all ranges. */
  pages: number;
  /** The run goes on where an earlier one was cut off. */
  goesOn: boolean;
  /** Of the run that was cut off. */
  before?: Control;
}

/**
 * Takes up a run that was cut off, or begins one.
 *
 * @throws usage error when it is paused, or when the definition is not the one that was begun
 */
export async function begin(
  session: Session,
  backfill: Backfill,
  subjects: readonly Subject[],
  { workers, restart }: { workers: number; restart: boolean },
): Promise<Beginning> {
  await session.script(createState);
  const before = await readControl(session, backfill.name);
  if (before?.pausedAt) throw paused(before);
  const isCutOff = before !== undefined && !['complete', 'incomplete'].includes(before.state);
  if (!isCutOff || restart) return beginAnew(session, backfill, subjects, workers);
  if (before.hash !== hashOf(backfill)) throw changed(backfill.name);
  await session.query(
    `UPDATE dbops.backfills SET state = 'running', runner = current_setting('application_name'),
            runner_pid = $2, heartbeat_at = clock_timestamp(), waits_for = NULL WHERE name = $1`,
    [backfill.name, session.pid],
  );
  return { ...(await adopt(session, backfill, subjects, workers)), goesOn: true, before };
}

async function beginAnew(
  session: Session,
  backfill: Backfill,
  subjects: readonly Subject[],
  workers: number,
): Promise<Beginning> {
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
  return { ranges, pages: pagesOf(ranges), goesOn: false };
}

/**
 * The ranges of a run that was cut off, as far as they still say something: a table that was
 * rewritten since begins anew, and so does one that was not there.
 */
export async function adopt(
  session: Session,
  { name }: Backfill,
  subjects: readonly Subject[],
  workers: number,
): Promise<Pick<Beginning, 'ranges' | 'pages'>> {
  const known = await readRanges(session, name);
  const isOf = (range: Range, { oid, filenode, target }: ReturnType<typeof relationsOf>[number]) =>
    range.relation === oid && range.filenode === filenode && range.target === target;
  const relations = relationsOf(subjects);
  const stale = known.filter((range) => !relations.some((relation) => isOf(range, relation)));
  const fresh = relations.filter((relation) => !known.some((range) => isOf(range, relation)));
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
  const kept = known.filter((range) => !stale.includes(range));
  return {
    ranges: [...kept.filter(({ isDone }) => !isDone), ...added],
    pages: pagesOf([...kept, ...added]),
  };
}

function pagesOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { first, end }) => sum + end - first, 0);
}

function relationsOf(subjects: readonly Subject[]): (Relation & { target: number })[] {
  return subjects.flatMap(({ relations }, target) =>
    relations.map((relation) => ({ ...relation, target })),
  );
}

function paused({ name, pausedBy, pausedAt }: Control) {
  return usageError(
    'BACKFILL.PAUSED',
    `The backfill ${name} was paused by ${pausedBy} (${pausedAt?.toISOString()}); nothing was begun.`,
    `Let it go on with: dbops backfill resume ${name}`,
  );
}

function changed(name: string) {
  return usageError(
    'BACKFILL.CHANGED',
    `The definition of ${name} is not the one that a run was cut off with: what it has filled may be something else.`,
    `Bring the definition back, or begin anew (rows that have a value keep it): dbops backfill run ${name} --restart`,
  );
}
