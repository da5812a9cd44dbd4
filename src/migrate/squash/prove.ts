import { deltasBetween, type Delta } from '../../catalog/deltas.ts';
import { objectName } from '../../catalog/snapshot.ts';
import type { Context } from '../../context.ts';
import type { Session } from '../../db/session.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import { snapshotsAfter } from '../../shadow/expected-catalog.ts';
import type { Wanted } from '../../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../../shadow/replay-error.ts';
import { replaySourceOf } from '../../shadow/replay-request.ts';
import type { Migration } from '../../migration.ts';
import { formatCountOf } from '../../output/number.ts';
import type { SquashPlan } from './plan.ts';
import type { Staged } from './stage.ts';

/**
 * Replays the migrations and the file that replaces them, each in a shadow of its own, and compares the
 * catalogs and privileges.
 *
 * @throws code 1 where they differ, or where the file does not run as one transaction
 */
export async function proveSquash(
  context: Context,
  session: Session,
  folder: Folder,
  { plan, staged }: { plan: SquashPlan; staged: Staged },
): Promise<void> {
  const source = await replaySourceOf(context, session, folder);
  const wanted = (migrations: readonly Migration[]): Wanted => ({
    ...source,
    migrations,
    grants: true,
    onReplay: () =>
      context.progress.update(
        `replaying ${formatCountOf(migrations.length, 'migration')} in a shadow database`,
      ),
  });
  const end = plan.migrations.indexOf(plan.members.at(-1) ?? plan.members[0]) + 1;
  const former = await catalogAfter(wanted(plan.migrations.slice(0, end)));
  const squashed = await squashedCatalog(wanted(staged.migrations.slice(0, staged.at + 1)), staged);
  const differences = deltasBetween(former, squashed);
  if (differences.length > 0) throw notTheSame(staged, differences);
}

async function catalogAfter(wanted: Wanted): Promise<readonly SchemaObject[]> {
  const [catalog = []] = await snapshotsAfter(wanted, [wanted.migrations.length]);
  return catalog;
}

/** A tool sends the file as one transaction, so it is not replayed statement by statement here. */
async function squashedCatalog(wanted: Wanted, { squashed }: Staged) {
  const format = { ...wanted.format, needsDirective: true };
  try {
    return await catalogAfter({ ...wanted, format });
  } catch (error) {
    if (!isFaultOfFolder(error)) throw error;
    throw new DbopsError({
      code: 'SQUASH.REPLAY',
      exitCode: exitCodes.failed,
      message: `${squashed.name} does not run as one transaction on an empty database. Nothing was changed.`,
      reason: [...error.reason],
      hint: 'The comment above the statement names its migration: end before it, or start with it: --to NAME, --from NAME. To see the file: --dry-run',
      cause: error,
    });
  }
}

function notTheSame({ squashed }: Staged, differences: readonly Delta[]): DbopsError {
  const objects = new Set(
    differences.map(({ object }) => `${object.kind} ${objectName(object)} differs`),
  );
  return new DbopsError({
    code: 'SQUASH.DIFFERENT',
    exitCode: exitCodes.failed,
    message: `${squashed.name} does not produce the catalog of the migrations that it replaces. Nothing was changed.`,
    reason: [...objects].slice(0, 10),
    hint: 'End before the migration that changes these objects: --to NAME. To see the file: --dry-run',
  });
}
