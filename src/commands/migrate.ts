import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Context } from '../context.ts';
import { withRunnerLock, describeActivity } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import { exitCodes, usageError, type DbopsError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { runSteps } from '../migrate/run.ts';
import type { RunOutcome, Step } from '../migrate/step.ts';
import type { Direction, Migration } from '../migration.ts';
import { formatDuration } from '../output/duration.ts';
import { done, text, type Block, type Report } from '../report.ts';
import { readDirectives } from '../sql/directives.ts';

/** What `migrate up` and `migrate down` share: from the plan to the report. */

/** The steps of a plan. @throws usage error for a migration that has no such direction */
export function toSteps(
  migrations: readonly Migration[],
  direction: Direction,
  format: Format,
): Step[] {
  return migrations.map((migration) => {
    const script = migration[direction];
    if (!script) throw noDown(migration, format);
    const source = script.kind === 'sql' ? script.sql : readFileSync(script.file, 'utf8');
    return { migration, direction, script, directives: readDirectives(source, migration.name) };
  });
}

function noDown(migration: Migration, format: Format): DbopsError {
  const file = format.downFile?.(migration);
  return usageError(
    'MIGRATION.NO_DOWN',
    `${migration.name} has no rollback; nothing was rolled back.`,
    file
      ? `Write ${relative(process.cwd(), file)}, then run the command again.`
      : `A folder of format ${format.name} holds no rollbacks: write a migration that undoes it.`,
  );
}

interface LockedRun {
  context: Context;
  session: Session;
  folder: Folder;
  patience: number;
  /** Plans again under the lock: another run may have been faster. */
  plan: () => Promise<Step[]>;
  before: (step: Step) => Promise<void>;
}

/** Takes the runner's lock, plans, runs. */
export function runLocked({
  context,
  session,
  folder,
  patience,
  plan,
  before,
}: LockedRun): Promise<RunOutcome> {
  const { signal, progress, settings } = context;
  const onWait = (holder: string) => progress.update(`waiting for ${holder}`);
  return withRunnerLock(session, { patience, signal, onWait }, async () =>
    runSteps(
      await plan(),
      {
        session,
        folder,
        lockTimeout: settings.lockTimeout,
        statementTimeout: settings.statementTimeout,
        patience,
        signal,
        anotherSession: () => context.anotherSession(),
        onStart: (step) => progress.update(`${step.direction} ${step.migration.name}`),
        onWait: (step, blockers) => context.note(waiting(step, blockers.map(describeActivity))),
      },
      before,
    ),
  );
}

function waiting(step: Step, blockers: string[]): string {
  return `${step.migration.name} waits for a lock and lets the application pass${blockers.map((blocker) => `\n  blocked by ${blocker}`).join('')}`;
}

/** The report of a run: a line a migration, what stands, and the error if there was one. */
export function outcomeReport({ results, error }: RunOutcome, direction: Direction): Report {
  const migrations = results.map((result) => ({
    ...result,
    ...(direction === 'down' && { rollback: { source: 'file', proven: false, loses: [] } }),
  }));
  const lines = results.map(({ name, state, durationMs }): Block => {
    if (state === 'done') return text(`✓ ${name}  ${formatDuration(durationMs)}`, 'good');
    return state === 'failed' ? text(`✗ ${name}`, 'bad') : text(`– ${name}  not run`, 'dim');
  });
  const finished = results.filter(({ state }) => state === 'done').length;
  const verb = direction === 'up' ? 'applied' : 'rolled back';
  return {
    exitCode: error?.exitCode ?? exitCodes.done,
    data: { migrations },
    blocks: [...lines, text(`${finished} of ${results.length} ${verb}`)],
    ...(error && { error }),
  };
}

/** What `--dry-run` prints: the SQL in the order in which it would run. */
export function dryRunReport(steps: readonly Step[]): Report {
  const migrations = steps.map(({ migration, direction }) => ({
    name: migration.name,
    direction,
    state: 'not-run',
    durationMs: 0,
  }));
  const code = steps.map(({ migration, direction, script }) => {
    const body =
      script.kind === 'sql' ? script.sql.trim() : `-- runs ${direction}(db) of ${script.file}`;
    return `-- ${migration.name} (${direction})\n${body}\n`;
  });
  return done({ migrations, dryRun: true }, { kind: 'code', text: code.join('\n') });
}
