import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { RunData } from '../documents.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { formatDuration } from '../output/duration.ts';
import { formatCountOf } from '../output/number.ts';
import { describeBand, sumOf } from '../plan/describe-band.ts';
import { judgePlan } from '../plan/judge-plan.ts';
import { severityOfLevel, type PlanLevel } from '../plan/levels.ts';
import type { PlanResult } from '../plan/report.ts';
import { planOnline } from '../plan/run.ts';
import { text, type Finding, type Report } from '../report.ts';

interface Planning {
  context: Context;
  session: Session;
  folder: Folder;
  planned: { pending: readonly Migration[]; applied: readonly Migration[] };
}

/**
 * Plans the migrations of a run (`migrate up --plan`), and asks where one blocks the application or fails.
 *
 * @param failOn refuses from this verdict on, and does not ask
 * @throws DbopsError with exit code 4 without a terminal, or when the answer is no; nothing was changed then
 */
export async function planBeforeUp(
  { context, session, folder, planned: { pending, applied } }: Planning,
  failOn?: PlanLevel,
): Promise<PlanResult> {
  const limits = context.settings.plan;
  const result = await planOnline({ context, folder, applied, pending, limits }, session);
  const { findings } = await judgePlan({ context, folder, pending }, result);
  const least = severityOfLevel[failOn ?? 'blocks'];
  const severe = findings.filter(({ severity }) => severity === 'error' || severity === least);
  if (severe.length === 0) return result;
  if (failOn !== undefined) throw refusal(severe);
  for (const { code, message } of severe) context.note(`${code}  ${message}`);
  const isAgreed = await context.choose(
    `${formatCountOf(severe.length, 'statement')} would block the application or fail. Apply the migrations?`,
    [
      { name: 'No, change nothing', value: false },
      { name: 'Yes, apply them', value: true },
    ],
  );
  if (!isAgreed) throw refusal(severe);
  return result;
}

function refusal(severe: readonly Finding[]): DbopsError {
  return new DbopsError({
    code: 'PLAN.BLOCKS',
    exitCode: exitCodes.findings,
    message: 'The plan of the migrations has findings; nothing was applied.',
    reason: severe.map(
      ({ code, message, where: { file = '', line } }) =>
        `${code}${file && ` (${file}${line === undefined ? '' : `:${line}`})`}: ${message}`,
    ),
    hint: 'Write the safe form: dbops migrate plan --fix. Or allow it in the migration: -- dbops: allow blocks on TABLE because REASON. Or apply the migrations without --plan.',
  });
}

/** Returns the report with the estimated and the actual time of each migration that was applied. */
export function withEstimates(
  report: Report<RunData>,
  { migrations }: PlanResult,
): Report<RunData> {
  const bands = new Map(
    migrations.map(({ migration, statements }) => [
      migration,
      sumOf(statements.flatMap(({ duration }) => duration ?? [])),
    ]),
  );
  const runs = report.data.migrations.map((run) => {
    const estimate = bands.get(run.name);
    return estimate ? { ...run, estimate } : run;
  });
  const lines = runs.flatMap((run) =>
    'estimate' in run && run.estimate && run.state === 'done'
      ? text(
          `${run.name}: took ${formatDuration(run.durationMs)}, estimated ${describeBand(run.estimate)}`,
          'dim',
        )
      : [],
  );
  return {
    ...report,
    data: { ...report.data, migrations: runs },
    blocks: [...lines, ...report.blocks],
  };
}
