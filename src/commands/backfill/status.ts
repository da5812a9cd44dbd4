import * as z from 'zod';
import { readRecords, readQuarantine, type BackfillRecord } from '../../backfill/store.ts';
import type { Quarantined } from '../../backfill/row-counts.ts';
import { formatCount } from '../../output/number.ts';
import type { Session } from '../../db/session.ts';
import { usageError } from '../../errors.ts';
import { shellWord } from '../../output/shell.ts';
import { formatDuration } from '../../output/duration.ts';
import { done, text, type Block } from '../../report.ts';
import { backfillsOf } from '../../backfill/index.ts';
import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  description:
    'Shows the progress of a backfill: rate, estimated time, reason for waiting, active run, and failed rows. Without a name, shows every backfill that was run on this database.',
  arguments: [['[name]', 'name of the backfill']],
  examples: ['dbops backfill status', 'dbops backfill status organization-id --json'],
  flags: z.object({ arguments: z.tuple([z.string().optional()]) }),
  async run(context, { arguments: [name] }) {
    const session = await context.session();
    const controls = await readRecords(session);
    if (name === undefined) {
      const all = await Promise.all(controls.map((control) => describe(session, control)));
      const none = text(
        'No backfills have been run here. List the defined ones: dbops backfill list',
      );
      return done(
        { backfills: all.map(({ data }) => data) },
        ...(all.length > 0 ? all.flatMap(({ blocks }) => blocks) : [none]),
      );
    }
    const control = controls.find((each) => each.name === name);
    if (!control)
      throw notBegun(
        name,
        backfillsOf(context).some((each) => each.name === name),
      );
    const { data, blocks } = await describe(session, control);
    return done(data, ...blocks);
  },
});

/** Returns the error for a backfill that was never run on this database. */
export function notBegun(name: string, isKnown: boolean) {
  return usageError(
    'BACKFILL.NOT_BEGUN',
    `The backfill ${name} has not been run on this database.`,
    isKnown
      ? `Start it: dbops backfill run ${shellWord(name)}`
      : 'List the defined backfills: dbops backfill list',
  );
}

/** Milliseconds without a heartbeat after which a run counts as interrupted. */
const gone = 15_000;

/** Returns the state of a backfill; a run that was killed is still recorded as `running`. */
export function stateOf({ state, silentMs, pausedAt }: BackfillRecord): string {
  if (state === 'running' && silentMs > gone) return 'interrupted';
  if (pausedAt && state !== 'complete') return 'paused';
  return state;
}

/** Milliseconds of work that a run has not recorded yet. */
function sinceHeartbeat(state: string, silentMs: number): number {
  return state === 'running' ? Math.min(5_000, silentMs) : 0;
}

async function describe(session: Session, control: BackfillRecord) {
  const { name, changed, batches, activeMs, silentMs, fraction, account, estimate } = control;
  const { waitsFor, runner, runnerPid, strategy, pausedBy, hasTrigger } = control;
  const state = stateOf(control);
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
  return { data, blocks: blocksOf(control, { ...data, left, quarantine }) };
}

interface Shown {
  state: string;
  percent: number;
  rowsPerSecond: number;
  reason: string | null;
  /** Seconds of work, where they are known. */
  left: number | undefined;
  quarantine: readonly Quarantined[];
}

function blocksOf(control: BackfillRecord, shown: Shown): Block[] {
  const { name, changed, batches, account, strategy, pausedBy, hasTrigger } = control;
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
    ...(state === 'running' ? [text(`  run by ${control.runner}, pid ${control.runnerPid}`)] : []),
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
