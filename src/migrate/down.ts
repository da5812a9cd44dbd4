import * as z from 'zod';
import type { Context } from '../context.ts';
import { needsConsent, readLabel } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
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
import { refuseUnproven, rollbacksOf } from './find-down.ts';
import { describeStaying, rowsThatStay, type InsertedRows } from './inserted-rows.ts';
import { toSteps } from './run.ts';

/** What `migrate down` and `migrate redo` share. */

export const rollbackOptions: [notation: string, description: string][] = [
  ['--to <name>', 'roll back migrations after this one; use 0 to roll back everything'],
  ['--steps <n>', 'roll back N migrations (default: 1)'],
  ['--unproven', 'run a rollback that is not proven: the schema may differ from before'],
  [
    '--shadow-from <source>',
    'start the shadow from folder or live (default: chosen automatically)',
  ],
  ['--discard-data', 'drop rows and values without a copy in dbops_rescue'],
];

export const rollbackFlags = z.object({
  to: z.string().optional(),
  steps: count.optional(),
  dryRun: z.boolean().default(false),
  unproven: z.boolean().default(false),
  shadowFrom: z.enum(['folder', 'live']).optional(),
  discardData: z.boolean().default(false),
  restore: z.boolean().default(true),
  wait,
});

export interface RollbackFlags {
  unproven: boolean;
  shadowFrom?: ShadowSource | undefined;
  discardData: boolean;
  /** Puts back, in the same transaction, what the migration had destroyed. */
  restore: boolean;
}

/** Rollbacks that are ready to run. */
export interface Prepared {
  rollbacks: readonly Rollback[];
  /** Without what protects their rows. */
  steps: Step[];
  protection: Protection;
  /** Rows that the migrations have inserted and that the rollbacks leave. */
  staying: readonly InsertedRows[];
}

interface Wanted {
  context: Context;
  session: Session;
  folder: Folder;
  /** All that is applied, in order. */
  applied: readonly Migration[];
  /** The newest of them, the newest first. */
  migrations: readonly Migration[];
  /** Names of the migrations of the folder that are not applied. */
  pending?: readonly string[];
  flags: RollbackFlags;
}

/** Proves, and looks at what would be lost. Nothing is refused yet. */
export async function prepareRollback(wanted: Wanted): Promise<Prepared> {
  const { context, session, folder, applied, migrations, pending = [], flags } = wanted;
  const { shadowFrom } = flags;
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

/** The steps as they run: they protect the rows, and each verifies what it was proven to change. */
export function guardRollback({ rollbacks, steps }: Prepared, guarding: Guarding): Step[] {
  return guardSteps(steps, guarding).map((step) => {
    const rollback = rollbacks.find(({ name }) => name === step.migration.name);
    return rollback && isProven(rollback)
      ? { ...step, guard: verifying(rollback, step.guard) }
      : step;
  });
}

/** A migration without a way back has no step: it is refused. */
function stepOf(migration: Migration, rollbacks: readonly Rollback[]): Step[] {
  if (migration.down) return toSteps([migration], 'down');
  const rollback = rollbacks.find(({ name }) => name === migration.name);
  const hasNoWay = rollback?.doubts.some(({ reason }) => reason === 'no way') ?? true;
  return rollback && !hasNoWay ? [derivedStep(migration, rollback)] : [];
}

/** @throws usage error for what is not proven, or not agreed to */
export async function agreeToRollback(
  { context, session, folder, migrations, flags }: Wanted,
  { rollbacks, steps, protection, staying }: Prepared,
): Promise<Guarding> {
  if (!flags.unproven || steps.length < migrations.length) refuseUnproven(rollbacks, migrations);
  for (const rows of staying) context.note(describeStaying(rows));
  const agreement = await agreeToLosses({ context, session, folder, flags }, protection);
  const guarding = agreed(protection, agreement);
  if (!needsConsent(session, await readLabel(session))) return guarding;
  const names = migrations.map(({ name }) => name).join(', ');
  const doubt = rollbacks.every(isProven) ? '' : ', which is not proven,';
  await context.consent(
    `Rolling back ${names}${doubt} on ${databaseName(session.target)} takes away what it made.`,
  );
  return guarding;
}

/** While we waited for the lock, another run may have rolled back what was shown and agreed to. */
export function refuseOther(shown: readonly Migration[], planned: readonly Migration[]): void {
  const names = (migrations: readonly Migration[]) => migrations.map(({ name }) => name).join(', ');
  if (names(shown) === names(planned)) return;
  throw usageError(
    'PLAN.CHANGED',
    'Another run changed what there is to roll back; nothing was changed by this one.',
    'Look at it with dbops migrate status, and run the command again.',
    [`planned: ${names(shown)}`, `now: ${names(planned) || 'nothing'}`],
  );
}
