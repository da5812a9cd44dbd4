import { backfillOf, backfillsOf } from '../backfill/index.ts';
import type { Context } from '../context.ts';
import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { describeActivity, withRunnerLock } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import type { MigrationRun, RunData } from '../documents.ts';
import { exitCodes, usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { isEmptyScript } from '../formats/load-module.ts';
import { preflight } from '../runner/preflight.ts';
import { runSteps } from '../runner/run-steps.ts';
import type { RunOutcome, Step, StepResult } from '../runner/step.ts';
import { withHostLock } from '../runner/tool-lock.ts';
import type { Direction, Migration } from '../migration.ts';
import { formatDuration } from '../output/duration.ts';
import { formatCount } from '../output/number.ts';
import { done, text, type Block, type Report } from '../report.ts';
import { readDirectives } from '../sql/directives.ts';
import { loadedScript, sourceOf } from '../text-file.ts';

/**
 * A run of migrations, shared by `migrate up`, `down` and `redo`: the steps of a plan, the locks,
 * the run, and its report.
 */

/** Returns the steps of migrations that have this direction, in the same order. */
export function toSteps(migrations: readonly Migration[], direction: Direction): Step[] {
  return migrations.map((migration) => {
    const found = migration[direction];
    if (!found) throw new Error(`${migration.name} has no ${direction}`);
    const script = loadedScript(found);
    const source = sourceOf(script);
    return { migration, direction, script, directives: readDirectives(source, migration.name) };
  });
}

/** @throws usage error that names the migrations which have only comments */
export async function assertNoneIsEmpty({ format }: Folder, steps: readonly Step[]): Promise<void> {
  const empty: Step[] = [];
  for (const step of steps)
    // Before the first file runs, `preflight` reports what cannot be loaded.
    if (await isEmptyScript(format, step.script, step.direction).catch(() => false))
      empty.push(step);
  if (empty.length === 0) return;
  const names = empty.map(({ migration }) => migration.name);
  throw usageError(
    'MIGRATION.EMPTY',
    names.length === 1
      ? `${names[0]} has no statements; nothing was applied.`
      : `${names.length} migrations have no statements; nothing was applied.`,
    'Write the statements first. To record the migration as it is: dbops migrate up --allow-empty',
    empty.map(({ script }) => script.file),
  );
}

export interface Guarded {
  context: Context;
  session: Session;
  folder: Folder;
  /** Milliseconds to wait for the holder of one of the locks. */
  patience: number;
}

/**
 * Runs `work` while neither another dbops nor the folder's tool can run.
 * @throws code 7 that names the holder
 */
export function underLocks<T>(
  { context, session, folder, patience }: Guarded,
  work: (locks: AdvisoryLocks) => Promise<T>,
): Promise<T> {
  const { signal, progress, anotherSession } = context;
  const onWait = (holder: string) => progress.update(`waiting for ${holder}`);
  const waiting = { patience, signal, onWait, anotherSession };
  return withRunnerLock(session, waiting, (locks) =>
    withHostLock({ ...waiting, session, folder, locks }, () => work(locks)),
  );
}

interface LockedRun extends Guarded {
  /** Plans again under the lock: another run may have changed the plan. */
  plan: () => Promise<Step[]>;
  before: (step: Step) => Promise<void>;
}

/** Takes the locks, plans and runs; prints a line for every migration as soon as it is done. */
export function runLocked(locked: LockedRun): Promise<RunOutcome> {
  return underLocks(locked, (locks) => planAndRun(locked, locks));
}

async function planAndRun(
  { context, session, folder, patience, plan, before }: LockedRun,
  locks: AdvisoryLocks,
): Promise<RunOutcome> {
  const { signal, progress, settings } = context;
  const { isPooled } = locks;
  if (isPooled) context.note(pooled);
  return runSteps(
    await plan(),
    {
      session,
      folder,
      lockTimeout: settings.lockTimeout,
      statementTimeout: settings.statementTimeout,
      patience,
      signal,
      isPooled,
      backfillOf: async () => {
        const known = await backfillsOf(context);
        return (table, column) => backfillOf(known, table, column);
      },
      anotherSession: () => context.anotherSession(),
      onStart: ({ direction, migration }) =>
        progress.update(`${working[direction]} ${migration.name}`),
      onDone: (result) => {
        progress.clear();
        context.print(doneLine(result, context.command), 'good');
      },
      onWait: (step, blockers) => context.note(waitingLine(step, blockers.map(describeActivity))),
      onAway: () => progress.update('waiting for the server to restart'),
      onNote: (step, note) => context.note(`${step.migration.name} ${note}`),
    },
    async (step) => {
      await locks.check();
      await before(step);
    },
  );
}

const working = { up: 'applying', down: 'rolling back' } as const;

const pooled =
  'a connection pooler is in between: the lock is held by a transaction on a second connection; set DATABASE_URL_UNPOOLED to avoid it';

function waitingLine(step: Step, blockers: string[]): string {
  const lines = blockers.map((blocker) => `\n  blocked by ${blocker}`);
  return `${step.migration.name} is waiting for a lock; backing off so that queries can proceed${lines.join('')}`;
}

/** `✓ 0001_users  12 ms`; a redo says in which direction. */
function doneLine({ name, direction, durationMs }: StepResult, command: string): string {
  const label = command === 'migrate redo' ? `${name} (${direction})` : name;
  return `✓ ${label}  ${formatDuration(durationMs)}`;
}

/**
 * Returns the report of a run: what failed, what was not run, and the summary. Completed migrations
 * were printed already.
 * @param more further keys of a migration in the JSON document
 */
export function outcomeReport(
  { results, error }: RunOutcome,
  direction: Direction | 'redo',
  more: (result: StepResult) => Pick<MigrationRun, 'rollback'> = () => ({}),
): Report<RunData> {
  const lines = results.flatMap(({ name, state, direction: one }): Block[] => {
    const label = direction === 'redo' ? `${name} (${one})` : name;
    if (state === 'done') return [];
    return [state === 'failed' ? text(`✗ ${label}`, 'bad') : text(`– ${label}  not run`, 'dim')];
  });
  return {
    exitCode: error?.exitCode ?? exitCodes.done,
    data: { migrations: results.map((result) => ({ ...result, ...more(result) })) },
    blocks: [...lines, summaryOf(results, direction)],
    ...(error && { error }),
  };
}

/** `✓ 3 migrations applied (1.2 s)`, or `1 of 3 migrations applied`. */
function summaryOf(results: readonly StepResult[], direction: Direction | 'redo'): Block {
  const verb = { up: 'applied', down: 'rolled back', redo: 'redone' }[direction];
  // A redo has two steps for every migration, of which the second counts.
  const counted =
    direction === 'redo' ? results.filter((each) => each.direction === 'up') : results;
  const finished = counted.filter(({ state }) => state === 'done').length;
  const noun = counted.length === 1 ? 'migration' : 'migrations';
  if (finished < counted.length)
    return text(`${formatCount(finished)} of ${formatCount(counted.length)} ${noun} ${verb}`);
  const total = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return text(`✓ ${formatCount(finished)} ${noun} ${verb} (${formatDuration(total)})`, 'good');
}

/**
 * Returns what `--dry-run` prints: the SQL in the order in which it would run.
 * @throws usage error for what a run would reject
 */
export async function dryRunReport(
  steps: readonly Step[],
  session: Session,
  { format }: Folder,
): Promise<Report<RunData>> {
  const { executions } = await preflight(steps, format, session.client);
  const migrations = steps.map(({ migration, direction }): MigrationRun => ({
    name: migration.name,
    direction,
    state: 'not-run',
    durationMs: 0,
  }));
  const code = steps.map((step) => {
    const { migration, direction, script } = step;
    const execution = executions.get(step);
    const how = execution?.isStepwise ? ', outside a transaction, statement by statement' : '';
    const body = execution?.source.trim() ?? `-- runs ${direction} of ${script.file}`;
    return `-- ${migration.name} (${direction}${how})\n${body}\n`;
  });
  return done({ migrations, dryRun: true }, { kind: 'code', text: code.join('\n') });
}
