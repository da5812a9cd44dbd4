import { readPlannerCatalog } from '../ddl/pg-delta.ts';
import { platformSchemas } from '../shadow/platform.ts';
import { readWithFixedSettings } from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { askRollbacks, type Answer, type ShadowSource } from '../rollback/find-rollbacks.ts';
import { isProven, type Rollback } from '../rollback/rollback.ts';
import { describeDoubt } from '../rollback/describe.ts';
import type { Migration } from '../migration.ts';

/** Milliseconds: all that is applied is replayed. */
const timeLimit = 600_000;

interface Asked {
  context: Context;
  session: Session;
  folder: Folder;
  /** Applied migrations, in order. */
  applied: readonly Migration[];
  /** How many of them to roll back, the newest first. */
  steps: number;
  shadowFrom?: ShadowSource | undefined;
}

/** Returns the rollbacks of migrations with their proofs; prints which shadow was used. */
export async function rollbacksOf(asked: Asked): Promise<Rollback[]> {
  const { context, session, folder, applied, steps, shadowFrom } = asked;
  const { settings, signal, progress } = context;
  const answer = await askRollbacks({
    migrations: applied,
    steps,
    shadowFrom,
    format: folder.format,
    environment: settings.environment,
    server: settings.shadow,
    signal,
    timeLimit,
    onReplay: () => progress.update(`replaying ${applied.length} migrations in a shadow database`),
    onProve: (name) => progress.update(`proving the rollback of ${name} in a shadow database`),
    readLive: async () => ({
      facts: await readWithFixedSettings(session, () => readPlannerCatalog(session)),
      foreign: {
        schemas: await platformSchemas(session, folder.format),
        tables: folder.tracking.tables,
      },
    }),
  });
  tellSource(context, answer);
  return answer.rollbacks;
}

const listed = 5;

/** Says that the proof used a copy of the live catalog, which proves less, and why. */
function tellSource({ note }: Context, { shadowFrom, stoppedBy, skipped }: Answer): void {
  if (shadowFrom === 'folder') return;
  note('shadow  copied from the live catalog (--shadow-from live)');
  if (stoppedBy) {
    note(`        the folder does not replay: ${stoppedBy.message}`);
    for (const line of stoppedBy.reason) note(`        ${line}`);
  }
  for (const { place, reason } of skipped.slice(0, listed))
    note(`        skipped: ${place}: ${reason[0] ?? ''}`);
  if (skipped.length > listed) note(`        and ${skipped.length - listed} more statements`);
}

/**
 * @param asked migrations that must have a proven rollback
 * @throws code 2 when one of them has none: nothing is tried
 */
export function refuseUnproven(rollbacks: readonly Rollback[], asked: readonly Migration[]): void {
  const unproven = rollbacks.filter((rollback) => !isProven(rollback));
  if (unproven.length === 0 && rollbacks.length >= asked.length) return;
  throw new DbopsError({
    code: 'ROLLBACK.UNPROVEN',
    exitCode: exitCodes.usage,
    message: `The rollback of ${unproven.map(({ name }) => name).join(', ')} is not proven; nothing was rolled back.`,
    reason: unproven.flatMap(({ name, source, doubts }) => [
      `${name} (${source === 'file' ? 'down migration of the folder' : 'derived'})`,
      ...doubts.flatMap(describeDoubt).map((line) => `  ${line}`),
    ]),
    hint: unproven.some(({ source, statements }) => source === 'file' || statements.length > 0)
      ? 'Correct the down migration, or write one; to run it unproven, with the risk of a different schema: dbops migrate down --unproven'
      : 'Write a down migration, or a new migration that undoes it: dbops migrate new NAME',
  });
}
