import * as z from 'zod';
import type { Context } from '../context.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { removeMissingDowns } from '../formats/load-module.ts';
import type { ShadowSource } from '../rollback/find-rollbacks.ts';
import { isProven, type Rollback } from '../rollback/rollback.ts';
import { derivedStep, rulesOf, forServerVersion } from '../rollback/rollback-script.ts';
import { verifying } from '../rollback/verify-in-live-transaction.ts';
import {
  guardSteps,
  planProtection,
  agreed,
  type ExpectedLosses,
  type Guarding,
  type Protection,
} from './protect-rows.ts';
import type { Step } from '../runner/step.ts';
import type { Migration } from '../migration.ts';
import { agreeToLosses } from './agree-to-losses.ts';
import { statedBy } from './expected-losses.ts';
import { count, wait } from '../flags.ts';
import { assertProven, rollbacksOf } from './find-down.ts';
import { editedNewest } from './plan.ts';
import type { RecordedRequest } from './recorded-version.ts';
import { describeStaying, rowsThatStay, type InsertedRows } from './inserted-rows.ts';
import { toSteps } from './run.ts';

/** The shared part of `migrate down` and `migrate redo`. */

export const rollbackOptions: [notation: string, description: string][] = [
  ['--to <name>', 'roll back migrations after this one; use 0 to roll back everything'],
  ['--steps <n>', 'roll back N migrations (default: 1)'],
  ['--unproven', 'run a rollback that is not proven: the schema may differ from before'],
  [
    '--shadow-from <source>',
    'start the shadow from folder or live (default: chosen automatically)',
  ],
  ['--discard-data', 'drop rows and values without a copy in dbops_rescue'],
  ['--no-schema-file', 'do not write the schemaFile of the configuration'],
];

export const rollbackFlags = z.object({
  to: z.string().optional(),
  steps: count.optional(),
  dryRun: z.boolean().default(false),
  unproven: z.boolean().default(false),
  shadowFrom: z.enum(['folder', 'live']).optional(),
  discardData: z.boolean().default(false),
  restore: z.boolean().default(true),
  schemaFile: z.boolean().default(true),
  wait,
});

export interface RollbackFlags {
  unproven: boolean;
  shadowFrom?: ShadowSource | undefined;
  discardData: boolean;
  /** Restores, in the same transaction, what the migration had destroyed. */
  restore: boolean;
}

/** Returns the version of the newest migration that was applied, where its file was edited since. */
export async function recordedVersion(request: RecordedRequest) {
  const edited = editedNewest(request.statuses);
  if (!edited) return undefined;
  const { recordedVersionOf } = await import('./recorded-version.ts');
  return recordedVersionOf(request, edited);
}

/** Rollbacks that are ready to run. */
export interface Prepared {
  rollbacks: readonly Rollback[];
  /** The steps without the protection of their rows. */
  steps: Step[];
  protection: Protection;
  /** Rows that the migrations have inserted and that the rollbacks leave. */
  staying: readonly InsertedRows[];
}

interface PreparedRequest {
  context: Context;
  session: Session;
  folder: Folder;
  /** All applied migrations, in order. */
  applied: readonly Migration[];
  /** The migrations to roll back, the newest first. */
  migrations: readonly Migration[];
  /** Names of the pending migrations of the folder. */
  pending?: readonly string[];
  flags: RollbackFlags;
}

/** Proves the rollbacks and counts what they would destroy. Rejects nothing yet. */
export async function prepareRollback(wanted: PreparedRequest): Promise<Prepared> {
  const { context, session, folder, applied, migrations, pending = [], flags } = wanted;
  const { shadowFrom } = flags;
  await removeMissingDowns(folder.format, migrations);
  const proven = await rollbacksOf({
    context,
    session,
    folder,
    applied,
    shadowFrom,
    steps: migrations.length,
  });
  const rollbacks = proven.map((rollback) => forServerVersion(rollback, session.server.major));
  const steps = migrations.flatMap((migration) => stepOf(migration, rollbacks));
  const expected: ExpectedLosses = {
    losses: new Map(rollbacks.map(({ name, losses }) => [name, losses])),
    stated: await statedBy(steps.filter(({ migration }) => migration.down)),
    rules: new Map(
      rollbacks.flatMap((rollback): [string, string][] => {
        const rules = rulesOf(rollback);
        return rollback.source === 'derived' && rules ? [[rollback.name, rules]] : [];
      }),
    ),
  };
  const tracking = folder.tracking.table;
  const protection = await planProtection({
    session,
    tracking,
    direction: 'down',
    steps,
    expected,
    pending,
  });
  const staying: InsertedRows[] = [];
  for (const migration of migrations) {
    const rollback = rollbacks.find(({ name }) => name === migration.name);
    staying.push(...(await rowsThatStay(session, migration, rollback)));
  }
  return { rollbacks, steps, protection, staying };
}

/**
 * Returns the steps with the protection of their rows; each proven one is verified before its
 * commit.
 */
export function guardRollback({ rollbacks, steps }: Prepared, guarding: Guarding): Step[] {
  return guardSteps(steps, guarding).map((step) => {
    const rollback = rollbacks.find(({ name }) => name === step.migration.name);
    return rollback && isProven(rollback)
      ? { ...step, guard: verifying(rollback, step.guard) }
      : step;
  });
}

/** Returns no step for a migration without a rollback; it is rejected later. */
function stepOf(migration: Migration, rollbacks: readonly Rollback[]): Step[] {
  if (migration.down) return toSteps([migration], 'down');
  const rollback = rollbacks.find(({ name }) => name === migration.name);
  const hasNoWay = rollback?.doubts.some(({ reason }) => reason === 'no way') ?? true;
  return rollback && !hasNoWay ? [derivedStep(migration, rollback)] : [];
}

/** @throws usage error for a rollback that is not proven, or without consent */
export async function agreeToRollback(
  { context, session, folder, migrations, flags }: PreparedRequest,
  { rollbacks, steps, protection, staying }: Prepared,
): Promise<Guarding> {
  if (!flags.unproven || steps.length < migrations.length) assertProven(rollbacks, migrations);
  for (const rows of staying) context.note(describeStaying(rows));
  const agreement = await agreeToLosses({ context, session, folder, flags }, protection);
  const guarding = agreed(protection, agreement);
  if (!needsConsent(session, await readLabel(session))) return guarding;
  const names = migrations.map(({ name }) => name).join(', ');
  const doubt = rollbacks.every(isProven) ? '' : ', which is not proven,';
  await context.consent(
    `Rolling back ${names}${doubt} on ${databaseName(session.target)} drops what it created.`,
  );
  return guarding;
}

/** Rejects a plan that another run changed while this one waited for the lock. */
export function assertSamePlan(shown: readonly Migration[], planned: readonly Migration[]): void {
  const names = (migrations: readonly Migration[]) => migrations.map(({ name }) => name).join(', ');
  if (names(shown) === names(planned)) return;
  throw usageError(
    'PLAN.CHANGED',
    'Another run changed which migrations are applied; this one changed nothing.',
    'Check dbops migrate status, then run the command again.',
    [`planned: ${names(shown)}`, `now: ${names(planned) || 'nothing'}`],
  );
}
