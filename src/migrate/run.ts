import { backfillOf, backfillsOf } from '../backfill/index.ts';
import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { describeActivity } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import { exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { preflight } from '../runner/preflight.ts';
import { runSteps } from '../runner/run-steps.ts';
import type { RunOutcome, Step, StepResult } from '../runner/step.ts';
import type { Direction } from '../migration.ts';
import { formatDuration } from '../output/duration.ts';
import { done, text, type Block, type JsonValue, type Report } from '../report.ts';
import { underLocks, type Guarded } from './locks.ts';

/** What `migrate up` and `migrate down` share: from the steps to the report. */

interface LockedRun extends Guarded {
  /** Plans again under the lock: another run may have been faster. */
  plan: () => Promise<Step[]>;
  before: (step: Step) => Promise<void>;
}

/** Takes the runner's lock and that of the folder's own tool, plans, runs. */
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
      backfillOf: (table, column) => backfillOf(backfillsOf(context), table, column),
      anotherSession: () => context.anotherSession(),
      onStart: (step) => progress.update(`${step.direction} ${step.migration.name}`),
      onWait: (step, blockers) => context.note(waiting(step, blockers.map(describeActivity))),
      onAway: () => progress.update('waiting for the server to come back'),
      onNote: (step, note) => context.note(`${step.migration.name} ${note}`),
    },
    async (step) => {
      await locks.check();
      await before(step);
    },
  );
}

const pooled =
  'behind a pooler: the lock is that of a transaction on a second connection; DATABASE_URL_UNPOOLED spares it';

function waiting(step: Step, blockers: string[]): string {
  return `${step.migration.name} waits for a lock and lets the application pass${blockers.map((blocker) => `\n  blocked by ${blocker}`).join('')}`;
}

/**
 * The report of a run: a line a migration, what stands, and the error if there was one.
 *
 * @param more further keys of a migration in the JSON document
 */
export function outcomeReport(
  { results, error }: RunOutcome,
  direction: Direction | 'redo',
  more: (result: StepResult) => Record<string, JsonValue> = () => ({}),
): Report {
  const lines = results.map((result): Block => {
    const name = direction === 'redo' ? `${result.name} (${result.direction})` : result.name;
    if (result.state === 'done')
      return text(`✓ ${name}  ${formatDuration(result.durationMs)}`, 'good');
    return result.state === 'failed' ? text(`✗ ${name}`, 'bad') : text(`– ${name}  not run`, 'dim');
  });
  const finished = results.filter(({ state }) => state === 'done').length;
  const verb = { up: 'applied', down: 'rolled back', redo: 'steps done' }[direction];
  return {
    exitCode: error?.exitCode ?? exitCodes.done,
    data: { migrations: results.map((result) => ({ ...result, ...more(result) })) },
    blocks: [...lines, text(`${finished} of ${results.length} ${verb}`)],
    ...(error && { error }),
  };
}

/**
 * What `--dry-run` prints: the SQL in the order in which it would run.
 *
 * @throws usage error for what a run would refuse
 */
export async function dryRunReport(
  steps: readonly Step[],
  session: Session,
  { format }: Folder,
): Promise<Report> {
  const { executions } = await preflight(steps, format, session.client);
  const migrations = steps.map(({ migration, direction }) => ({
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
