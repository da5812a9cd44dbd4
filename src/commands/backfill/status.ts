import * as z from 'zod';
import { readRecords, readQuarantine, type BackfillRecord } from '../../backfill/store.ts';
import { formatCount } from '../../output/number.ts';
import type { Session } from '../../db/session.ts';
import { usageError } from '../../errors.ts';
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
      ? `Start it: dbops backfill run ${name}`
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

async function describe(session: Session, control: BackfillRecord) {
  const { name, changed, batches, activeMs, fraction, account, estimate } = control;
  const { waitsFor, runner, runnerPid, strategy, pausedBy, hasTrigger } = control;
  const state = stateOf(control);
  const seconds = Math.max(0.001, activeMs / 1_000);
  const isOver = account !== null;
  const left = fraction > 0 && !isOver ? (seconds * (1 - fraction)) / fraction : 0;
  const rowsPerSecond = Math.round(changed / seconds);
  const quarantine = await readQuarantine(session, name);
  const total = account?.total ?? estimate;
  const data = {
    name,
    state,
    rowsTotal: total,
    rowsDone: account?.right ?? Math.round(total * fraction),
    rowsChanged: changed,
    orphans: account?.orphans ?? 0,
    mismatched: account?.mismatched ?? 0,
    quarantined: quarantine.length,
    batches,
    rowsPerSecond,
    etaSeconds: Math.round(left),
    percent: Math.floor(100 * (isOver ? 1 : fraction)),
    strategy,
    reason: state === 'running' ? waitsFor : null,
    pausedBy,
    runner: state === 'running' ? { application: runner, pid: runnerPid } : null,
    hasTrigger,
  };
  const progress = isOver
    ? `${formatCount(account.total)} rows, ${formatCount(account.orphans)} orphans, ${formatCount(account.mismatched)} mismatched`
    : `${data.percent} % of the pages, about ${formatDuration(left * 1_000)} of work left`;
  const blocks: Block[] = [
    text(`${name}: ${state}  ${progress}`, state === 'complete' ? 'good' : 'warn'),
    text(
      `  ${formatCount(changed)} rows changed in ${formatCount(batches)} batches, ${formatCount(rowsPerSecond)}/s${strategy ? `; ${strategy}` : ''}`,
      'dim',
    ),
    ...(data.runner ? [text(`  run by ${runner}, pid ${runnerPid}`)] : []),
    ...(data.reason ? [text(`  ${data.reason}`, 'warn')] : []),
    ...(state === 'paused' && !data.reason
      ? [text(`  paused by ${pausedBy}; resume it: dbops backfill resume ${name}`, 'warn')]
      : []),
    ...(state === 'interrupted' || state === 'failed'
      ? [text(`  → Continue from its checkpoint: dbops backfill run ${name}`)]
      : []),
    ...quarantine
      .slice(0, 5)
      .map(({ relation, id, error }) => text(`  ${relation} ${id} failed: ${error}`, 'bad')),
    ...(hasTrigger ? [text('  a trigger fills new rows until the column is enforced', 'dim')] : []),
  ];
  return { data, blocks };
}
