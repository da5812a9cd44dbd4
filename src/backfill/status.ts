import type { Context } from '../context.ts';
import { quoteLiteral } from '../db/quote.ts';
import { underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { KnownBackfill } from './index.ts';
import { usageError } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import { formatCount } from '../output/number.ts';
import { shellWord } from '../output/shell.ts';
import { done, text, type Block, type Report } from '../report.ts';
import { backfillsOf } from './index.ts';
import type { Quarantined } from './row-counts.ts';
import { readQuarantine, readRecords, type BackfillRecord } from './store.ts';

/** Returns the report of every backfill that was run on this database. */
export async function statusOfAll(session: Session): Promise<Report> {
  const records = await readRecords(session);
  const all = await Promise.all(records.map((record) => describe(session, record)));
  const none = text('No backfills have been run here. List the defined ones: dbops backfill list');
  return done(
    { backfills: all.map(({ data }) => data) },
    ...(all.length > 0 ? all.flatMap(({ blocks }) => blocks) : [none]),
  );
}

/** Returns the report of one backfill. @throws usage error when it was never run on this database */
export async function statusOf(context: Context, session: Session, name: string): Promise<Report> {
  const record = (await readRecords(session)).find((each) => each.name === name);
  if (!record) throw await neverRun(context, name);
  const { data, blocks } = await describe(session, record);
  return done(data, ...blocks);
}

/** Returns the error for a backfill that was never run on this database. */
export async function neverRun(context: Context, name: string) {
  const isKnown = (await backfillsOf(context)).some((each) => each.name === name);
  return usageError(
    'BACKFILL.NOT_BEGUN',
    `The backfill ${name} has not been run on this database.`,
    isKnown
      ? `Start it: dbops backfill run ${shellWord(name)}`
      : 'List the defined backfills: dbops backfill list',
  );
}

/** Milliseconds without a heartbeat after which a run counts as interrupted. */
const silentLimitMs = 15_000;

/** Returns the state of a backfill; a run that was killed is still recorded as `running`. */
export function stateOf({ state, silentMs, pausedAt }: BackfillRecord): string {
  if (state === 'running' && silentMs > silentLimitMs) return 'interrupted';
  if (pausedAt && state !== 'complete') return 'paused';
  return state;
}

/** Milliseconds of work that a run has not recorded yet. */
function sinceHeartbeat(state: string, silentMs: number): number {
  return state === 'running' ? Math.min(5_000, silentMs) : 0;
}

async function describe(session: Session, record: BackfillRecord) {
  const { name, changed, batches, activeMs, silentMs, fraction, account, estimate } = record;
  const { waitsFor, runner, runnerPid, strategy, pausedBy, hasTrigger } = record;
  const state = stateOf(record);
  const isOver = account !== null;
  const seconds = Math.max(0.001, (activeMs + sinceHeartbeat(state, silentMs)) / 1_000);
  const left = isOver ? 0 : fraction > 0 ? (seconds * (1 - fraction)) / fraction : undefined;
  const rowsPerSecond = Math.round(changed / seconds);
  const quarantine = await readQuarantine(session, name);
  const total = account?.total ?? Math.max(estimate, changed);
  const data = {
    name,
    state,
    rowsTotal: total,
    rowsDone: account?.right ?? Math.max(changed, Math.round(total * fraction)),
    rowsChanged: changed,
    orphans: account?.orphans ?? 0,
    mismatched: account?.mismatched ?? 0,
    quarantined: quarantine.length,
    batches,
    rowsPerSecond,
    etaSeconds: left === undefined ? null : Math.round(left),
    percent: Math.floor(100 * (isOver ? 1 : fraction)),
    strategy,
    reason: state === 'running' ? waitsFor : null,
    pausedBy,
    runner: state === 'running' ? { application: runner, pid: runnerPid } : null,
    hasTrigger,
  };
  return { data, blocks: blocksOf(record, { ...data, left, quarantine }) };
}

interface ShownState {
  state: string;
  percent: number;
  rowsPerSecond: number;
  reason: string | null;
  /** Seconds of work, where they are known. */
  left: number | undefined;
  quarantine: readonly Quarantined[];
}

function blocksOf(record: BackfillRecord, shown: ShownState): Block[] {
  const { name, changed, batches, account, strategy, pausedBy, hasTrigger } = record;
  const { state, percent, rowsPerSecond, reason, left, quarantine } = shown;
  const progress = account
    ? `${formatCount(account.total)} rows, ${formatCount(account.orphans)} orphans, ${formatCount(account.mismatched)} mismatched`
    : `${percent} % of the pages${left === undefined ? '' : `, about ${formatDuration(left * 1_000)} of work left`}`;
  return [
    text(`${name}: ${state}  ${progress}`, state === 'complete' ? 'good' : 'warn'),
    text(
      `  ${formatCount(changed)} rows changed in ${formatCount(batches)} batches, ${formatCount(rowsPerSecond)}/s${strategy ? `; ${strategy}` : ''}`,
      'dim',
    ),
    ...(state === 'running' ? [text(`  run by ${record.runner}, pid ${record.runnerPid}`)] : []),
    ...(reason ? [text(`  ${reason}`, 'warn')] : []),
    ...(state === 'paused' && !reason
      ? [
          text(
            `  paused by ${pausedBy}; resume it: dbops backfill resume ${shellWord(name)}`,
            'warn',
          ),
        ]
      : []),
    ...(state === 'interrupted' || state === 'failed'
      ? [text(`  → Continue from its checkpoint: dbops backfill run ${shellWord(name)}`)]
      : []),
    ...quarantine
      .slice(0, 5)
      .map(({ relation, id, error }) => text(`  ${relation} ${id} failed: ${error}`, 'bad')),
    ...(hasTrigger
      ? [
          text(
            `  a trigger fills new rows until the column is enforced; drop it: dbops backfill run ${shellWord(name)} --remove-trigger`,
            'dim',
          ),
        ]
      : []),
  ];
}

/**
 * Returns the backfills that this database has a use for: those of the project, and of the bundled ones
 * those whose tables exist.
 *
 * @param recorded names of the backfills that were run
 */
export async function usableBackfills(
  session: Session,
  known: readonly KnownBackfill[],
  recorded: ReadonlyMap<string, unknown>,
): Promise<KnownBackfill[]> {
  const tables = known.flatMap(({ targets }) => targets.map(({ table }) => table));
  const rows = await underUserPath<{ name: string }>(
    session,
    `SELECT name FROM pg_catalog.unnest(ARRAY[${tables.map(quoteLiteral).join(', ')}]::pg_catalog.text[]) AS t (name)
      WHERE pg_catalog.to_regclass(name) IS NOT NULL`,
  );
  const existing = new Set(rows.map(({ name }) => name));
  return known.filter(
    ({ name, origin, targets }) =>
      origin !== 'dbops' || recorded.has(name) || targets.some(({ table }) => existing.has(table)),
  );
}
