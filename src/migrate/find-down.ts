import { readPlannerCatalog, type Foreign } from '../ddl/pg-delta.ts';
import { isIgnored, type Scope } from '../catalog/ignored.ts';
import { replaySourceOf } from '../shadow/replay-request.ts';
import { surroundingsOf } from '../shadow/surroundings.ts';
import { fullSnapshot, readWithFixedSettings } from '../catalog/snapshot.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { askRollbacks, type Answer, type ShadowSource } from '../rollback/find-rollbacks.ts';
import { isProven, type Rollback } from '../rollback/rollback.ts';
import { describeDoubt } from '../rollback/describe.ts';
import type { Migration } from '../migration.ts';

/** Milliseconds; all applied migrations are replayed. */
const timeLimit = 600_000;

interface RollbackRequest {
  context: Context;
  session: Session;
  folder: Folder;
  /** Applied migrations, in order. */
  applied: readonly Migration[];
  /** Number of migrations to roll back, the newest first. */
  steps: number;
  shadowFrom?: ShadowSource | undefined;
}

/** Returns the rollbacks with their proofs, and prints which shadow they come from. */
export async function rollbacksOf(asked: RollbackRequest): Promise<Rollback[]> {
  const { context, session, folder, applied, steps, shadowFrom } = asked;
  const { progress } = context;
  const answer = await askRollbacks({
    migrations: applied,
    steps,
    shadowFrom,
    ...(await rollbackSource(context, session, folder)),
    onReplay: () => progress.update(`replaying ${applied.length} migrations in a shadow database`),
    onProve: (name) => progress.update(`proving the rollback of ${name} in a shadow database`),
  });
  tellSource(context, answer);
  return answer.rollbacks;
}

/** Returns what a shadow for rollbacks is built from, and how the live catalog is read. */
export async function rollbackSource(context: Context, session: Session, folder: Folder) {
  return {
    ...(await replaySourceOf(context, session, folder)),
    timeLimit,
    readLive: () =>
      readWithFixedSettings(session, async () => ({
        facts: await readPlannerCatalog(session),
        foreign: await foreignIn(session, folder, context.settings.scope),
      })),
  };
}

/** Returns what the live database contains beside the objects of the folder, in the caller's transaction. */
async function foreignIn(session: Session, folder: Folder, scope: Scope): Promise<Foreign> {
  const objects = await fullSnapshot(session);
  const around = await surroundingsOf(session, folder, { objects, scope });
  return {
    schemas: around.platformSchemas,
    tables: [...around.toolTables, ...around.otherTables],
    isIgnored: (schema, name) =>
      isIgnored({ kind: name ? 'table' : 'schema', ...inSchema(schema, name) }, scope),
  };
}

function inSchema(schema: string, name: string) {
  return name ? { schema, parent: '', name } : { schema: '', parent: '', name: schema };
}

const listed = 5;

/** Prints why the proof used a copy of the live catalog, which proves less. */
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
 * @param asked migrations that require a proven rollback
 * @throws usage error when one of them has none
 */
export function assertProven(rollbacks: readonly Rollback[], asked: readonly Migration[]): void {
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
