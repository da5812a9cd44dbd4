import { readStorage } from '../catalog/losses.ts';
import { DbopsError } from '../errors.ts';
import type { ExpectedLosses } from './protect-rows.ts';
import type { Step } from '../runner/step.ts';
import type { Migration } from '../migration.ts';
import { destructionsOf, mayDestroy, type Destruction } from '../sql/destructions.ts';
import type { Rescue } from './agree-to-losses.ts';
import { sourceOf } from '../text-file.ts';

/**
 * Returns what pending migrations destroy. The folder is replayed in a shadow only where the text
 * of a migration shows that it may destroy something.
 * @param applied in the order in which they were run
 * @returns undefined when nothing can be lost
 */
export async function expectLosses(
  { context, session, folder }: Pick<Rescue, 'context' | 'session' | 'folder'>,
  applied: readonly Migration[],
  steps: readonly Step[],
): Promise<ExpectedLosses | undefined> {
  const stated = await statedBy(steps);
  if (stated.size === 0) return undefined;
  const own = new Set(folder.tracking.tables);
  const tables = [...(await readStorage(session)).values()];
  if (tables.every(({ schema, name }) => own.has(`${schema}.${name}`))) return undefined;
  const { replaySourceOf } = await import('../shadow/replay-request.ts');
  const { foreseeLosses } = await import('../shadow/predict-losses.ts');
  const suspects = steps.flatMap(({ migration }) => (stated.has(migration.name) ? migration : []));
  try {
    const losses = await foreseeLosses({
      ...(await replaySourceOf(context, session, folder)),
      applied,
      pending: steps.map(({ migration }) => migration),
      suspects: new Set(suspects),
      onReplay: () => context.progress.update('replaying in a shadow database to find losses'),
    });
    return { losses, stated };
  } catch (error) {
    if (!(error instanceof DbopsError) || context.signal.aborted) throw error;
    return { losses: new Map(), stated, withoutShadow: error.message };
  }
}

/** Returns what the texts of steps destroy. */
export async function statedBy(steps: readonly Step[]): Promise<Map<string, Destruction[]>> {
  const stated = new Map<string, Destruction[]>();
  for (const { migration, script, directives } of steps) {
    if (directives.noRescue === true) continue;
    const destructions =
      script.kind === 'sql'
        ? await destructionsOf(script.sql)
        : mayDestroy(sourceOf(script))
          ? [{ kind: 'hidden' } as const]
          : [];
    if (destructions.length > 0) stated.set(migration.name, destructions);
  }
  return stated;
}
