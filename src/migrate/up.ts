import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { RunData } from '../documents.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Report } from '../report.ts';
import type { RunOutcome, Step } from '../runner/step.ts';
import { agreeToLosses } from './agree-to-losses.ts';
import { expectLosses } from './expected-losses.ts';
import { assertKeysAreFree } from './inserted-rows.ts';
import type { PlanLevel } from '../plan/levels.ts';
import { agreed, guardSteps, planProtection, type Protection } from './protect-rows.ts';
import { readRequired, requireBackfill, retireBackfills } from './required-backfills.ts';
import { missedLines, withPreview, withRows } from './rows-report.ts';
import { assertNoneIsEmpty, dryRunReport, outcomeReport, runLocked, toSteps } from './run.ts';
import { settle } from './settle-rows.ts';
import { thenSchemaFile } from './then-schema-file.ts';

/** Which migrations a run applies. */
interface UpPlan {
  pending: Migration[];
  /** In the order in which they were applied. */
  applied: Migration[];
}

interface UpRequest {
  context: Context;
  session: Session;
  folder: Folder;
  flags: {
    dryRun: boolean;
    /** Whether the migrations are planned first. */
    plan: boolean;
    /** Plans the migrations first, and refuses from this verdict on without asking. */
    failOn?: PlanLevel | undefined;
    backfill: boolean;
    allowEmpty: boolean;
    discardData: boolean;
    restore?: boolean | undefined;
    schemaFile: boolean;
    /** Milliseconds. */
    wait: number;
  };
  planned: UpPlan;
  /** Plans again under the lock: another run may have applied some. */
  plan: () => Promise<UpPlan>;
}

/**
 * Applies the pending migrations, or returns what that would do.
 *
 * @throws usage error for what no run would start
 */
export async function applyPending(request: UpRequest): Promise<Report<RunData>> {
  const { context, session, folder, flags, planned } = request;
  const steps = toSteps(planned.pending, 'up');
  if (!flags.allowEmpty) await assertNoneIsEmpty(folder, steps);
  await readRequired(context, steps);
  await assertKeysAreFree(session, folder, planned.pending);
  const protection = await planProtection({
    session,
    tracking: folder.tracking.table,
    direction: 'up',
    steps,
    expected: await expectLosses(request, planned.applied, steps),
  });
  if (flags.dryRun) return preview(request, steps, protection);
  const isPlanned = flags.plan || flags.failOn !== undefined;
  return isPlanned ? runPlanned(request, steps, protection) : run(request, steps, protection);
}

async function runPlanned(
  request: UpRequest,
  steps: readonly Step[],
  protection: Protection,
): Promise<Report<RunData>> {
  const { planBeforeUp, withEstimates } = await import('./plan-before-up.ts');
  const result = await planBeforeUp(request, request.flags.failOn);
  return withEstimates(await run(request, steps, protection), result);
}

async function preview(
  { context, session, folder, flags, planned }: UpRequest,
  steps: readonly Step[],
  protection: Protection,
): Promise<Report<RunData>> {
  const { foreseeChanges, withChanges } = await import('./schema-changes.ts');
  const report = await dryRunReport(steps, session, folder);
  const changes = await foreseeChanges({ context, session, folder, ...planned });
  return withPreview(withChanges(report, changes), protection, flags.discardData);
}

async function run(
  request: UpRequest,
  steps: readonly Step[],
  protection: Protection,
): Promise<Report<RunData>> {
  const { context, session, folder, flags, plan } = request;
  const guarding = agreed(protection, await agreeToLosses(request, protection));
  const requirement = { context, session, patience: flags.wait };
  const ended = await runLocked({
    ...requirement,
    folder,
    before: requireBackfill(requirement, flags.backfill, flags.restore !== false),
    plan: async () => guardSteps(toSteps((await plan()).pending, 'up'), guarding),
  });
  const outcome = await explainFailure(request, ended);
  const error = await retireBackfills(requirement, steps, outcome.results);
  const whole = { ...(error && { error }), ...outcome };
  for (const line of missedLines(guarding)) context.note(line);
  const rows = await settle(session, guarding, whole.results);
  return thenSchemaFile(
    { context, session, folder, flags },
    withRows(outcomeReport(whole, 'up'), rows),
  );
}

/** Loading what judges migrations is for runs that failed. */
async function explainFailure(
  { context, session, folder }: UpRequest,
  outcome: RunOutcome,
): Promise<RunOutcome> {
  if (!outcome.error) return outcome;
  const { explainDuplicateObject } = await import('./explain-duplicate-object.ts');
  return explainDuplicateObject({ context, session, folder }, outcome);
}
