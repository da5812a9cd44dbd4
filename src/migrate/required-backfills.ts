import { backfillNamed } from '../backfill/index.ts';
import type { BackfillResult } from '../backfill/run.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { formatCount } from '../output/number.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Step, StepResult } from '../runner/step.ts';
import { optionsOf } from '../backfill/options.ts';
import { shellWord } from '../output/shell.ts';

interface Requirement {
  context: Context;
  session: Session;
  /** Milliseconds to wait for another run and for locks. */
  patience: number;
}

/**
 * Returns a function that ensures that the backfills of `-- dbops: requires-backfill NAME` are
 * complete before a step runs. Completeness is proven by a query, whoever filled the rows.
 * @param run `false` to reject a step with an incomplete backfill
 */
export function requireBackfill(
  { context, session, patience }: Requirement,
  run: boolean,
  restores: boolean,
) {
  return async ({ directives, migration }: Step): Promise<void> => {
    if (directives.requiresBackfill.length === 0) return;
    // Most steps require no backfill, and the engine of backfills takes long to load.
    const { inspectBackfill, runBackfill } = await import('../backfill/run.ts');
    const { restoreBeforeBackfill } = await import('./restore-before-backfill.ts');
    for (const name of directives.requiresBackfill) {
      const backfill = await backfillNamed(context, name);
      const orphans = { policy: 'fail' } as const;
      if (run && restores) await restoreBeforeBackfill(context, session, backfill);
      const result = run
        ? await runBackfill(session, backfill, { ...optionsOf(context), orphans, patience })
        : await inspectBackfill(session, backfill, { orphans });
      if (result.state !== 'complete') throw incomplete(name, migration.name, result);
      if (result.changed > 0)
        context.note(
          `backfill ${name}: ${formatCount(result.changed)} of ${formatCount(result.counts.total)} rows filled before ${migration.name}`,
        );
    }
  };
}

/**
 * Reads the definitions of all backfills that steps require: a run must not find out after its first
 * migration that the second cannot begin.
 *
 * @throws usage error for one that does not exist, or that PostgreSQL's grammar rejects
 */
export async function readRequired(context: Context, steps: readonly Step[]): Promise<void> {
  const names = new Set(steps.flatMap(({ directives }) => directives.requiresBackfill));
  if (names.size === 0) return;
  const { parseTarget } = await import('../backfill/parse-target.ts');
  for (const name of names)
    for (const target of (await backfillNamed(context, name)).targets)
      await parseTarget(target, name);
}

/**
 * Drops the triggers that migrations have made unnecessary: those of the backfills that they require,
 * and those whose column is enforced or no longer exists.
 *
 * @returns why that could not be done
 */
export async function retireBackfills(
  { context, session, patience }: Requirement,
  steps: readonly Step[],
  results: readonly StepResult[],
): Promise<DbopsError | undefined> {
  const done = new Set(results.filter(({ state }) => state === 'done').map(({ name }) => name));
  const enforced = steps.filter(({ migration }) => done.has(migration.name));
  const names = new Set(enforced.flatMap(({ directives }) => directives.requiresBackfill));
  try {
    for (const name of names) {
      const { retireBackfill } = await import('../backfill/retire.ts');
      const backfill = await backfillNamed(context, name);
      await retireBackfill(session, backfill, { ...optionsOf(context), patience });
    }
    if (done.size > 0) await dropObsolete({ context, session, patience });
    return undefined;
  } catch (error) {
    if (error instanceof DbopsError) return error;
    throw error;
  }
}

/** The migrations are applied: what keeps a trigger from being dropped is no reason to fail. */
async function dropObsolete({ context, session, patience }: Requirement): Promise<void> {
  try {
    const used = await session.query("SELECT WHERE to_regclass('dbops.backfills') IS NOT NULL");
    if (used.length === 0) return;
    const { retireObsolete } = await import('../backfill/retire.ts');
    for (const name of await retireObsolete(session, { ...optionsOf(context), patience }))
      context.note(`backfill ${name}: dropped its trigger, which has nothing left to fill`);
  } catch (error) {
    context.note(
      `The trigger of a backfill that has nothing left to fill was not dropped: ${messageOf(error)}. Drop it: dbops backfill run NAME --remove-trigger (see dbops backfill status)`,
    );
  }
}

function incomplete(name: string, migration: string, result: BackfillResult): DbopsError {
  const { counts, samples, quarantine } = result;
  const { open, orphans, mismatched, quarantined } = counts;
  const left = [
    ...(open + orphans + quarantined > 0
      ? [`${formatCount(open + orphans + quarantined)} rows are not filled`]
      : []),
    ...(mismatched > 0 ? [`${formatCount(mismatched)} rows differ from their source`] : []),
  ];
  return new DbopsError({
    code: 'BACKFILL.INCOMPLETE',
    exitCode: exitCodes.failed,
    message: `${migration} requires the backfill ${name}, but ${left.join(' and ')}; the migration was not started.`,
    reason: [
      ...samples.orphans,
      ...samples.mismatched,
      ...quarantine.map(({ table, id, error }) => `${table} ${id}: ${error}`),
    ],
    hint: `Fill the rows: dbops backfill run ${shellWord(name)}`,
  });
}
