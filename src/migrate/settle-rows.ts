import type { UncopiedRows } from '../rescue/report.ts';
import type { Session } from '../db/session.ts';
import type { DbopsError } from '../errors.ts';
import type { Direction } from '../migration.ts';
import type { Kept } from '../rescue/copy-rows.ts';
import { readAgain, type RescueRecord } from '../rescue/record.ts';
import type { Fates } from '../rescue/restore/row-outcome.ts';
import type { Restored } from '../rescue/restore/run.ts';
import type { Guarding } from './protect-rows.ts';
import type { StepResult } from '../runner/step.ts';

/** The outcome for the rows of a run. */
export interface Settlement {
  direction: Direction;
  /** Copies made before rows were destroyed. */
  kept: readonly KeptBy[];
  /** Results of restoring, by the steps or after them. */
  restored: readonly Restored[];
  /** Copies that were not restored, because it was not requested or the server rejected it. */
  restorable: readonly RescueRecord[];
  /** What restoring the copies of earlier runs would do. */
  waiting: readonly Restored[];
  uncopied: readonly UncopiedRows[];
  /** Why a requested restore did not happen. */
  error?: DbopsError;
}

export interface KeptBy {
  migration: string;
  copy: Kept;
}

/**
 * Restores what the steps could not restore themselves (a parent came back in a later step), and
 * accounts for every record of the completed steps. Without such records the database is not
 * queried: the run may have lost its connection.
 */
export async function settle(
  session: Session,
  { protection, agreement, outcomes }: Guarding,
  results: readonly StepResult[],
): Promise<Settlement> {
  const { direction } = protection;
  const done = results.flatMap((result) =>
    result.state === 'done' && result.direction === direction ? result.name : [],
  );
  const reports = done.flatMap((name) => outcomes.get(name) ?? []);
  const within = reports.flatMap(({ restored }) => restored);
  const known = [
    ...protection.returning.filter(({ migration }) => done.includes(migration)),
    ...reports.flatMap(({ returning }) => returning),
  ];
  const left = leftOver(known, within);
  const tried = await restoreLeft(session, left, within, agreement.restores);
  return {
    direction,
    kept: done.flatMap((migration) =>
      (outcomes.get(migration)?.kept ?? []).map((copy) => ({ migration, copy })),
    ),
    ...tried,
    waiting: done.length > 0 ? await lookAt(session, protection.waiting) : [],
    uncopied: protection.uncopied.filter(({ migration }) => done.includes(migration)),
  };
}

/** Returns the records that the steps have not fully restored, each once. */
function leftOver(
  records: readonly RescueRecord[],
  within: readonly Restored[],
): readonly RescueRecord[] {
  const whole = new Set(within.filter(isWhole).map(({ record }) => record.id));
  return [...new Map(records.map((record) => [record.id, record])).values()].filter(
    ({ id }) => !whole.has(id),
  );
}

/** Returns whether everything of a record is back in its table. */
export function isWhole({ fates, obstacle }: Restored): boolean {
  return obstacle === undefined && fates.conflict + fates.orphan + fates.missing === 0;
}

type Tried = Pick<Settlement, 'restored' | 'restorable' | 'error'>;

async function restoreLeft(
  session: Session,
  left: readonly RescueRecord[],
  within: readonly Restored[],
  restores: boolean,
): Promise<Tried> {
  if (left.length === 0) return { restored: within, restorable: [] };
  if (!restores) return { restored: within, restorable: left };
  const { restored, restorable, error } = await restoreEach(session, left);
  const before = new Map(within.map((one) => [one.record.id, one]));
  const again = new Set(restored.map(({ record }) => record.id));
  return {
    restored: [
      ...within.filter(({ record }) => !again.has(record.id)),
      ...restored.map((one) => merge(before.get(one.record.id), one)),
    ],
    restorable,
    ...(error && { error }),
  };
}

/**
 * Restores all records together, because they may refer to one another; each alone where the server
 * rejects that.
 */
async function restoreEach(session: Session, records: readonly RescueRecord[]): Promise<Tried> {
  const together = await attempt(session, records);
  if ('restored' in together) return { restored: together.restored, restorable: [] };
  if (records.length === 1) return { restored: [], restorable: records, ...together };
  const restored: Restored[] = [];
  const restorable: RescueRecord[] = [];
  for (const record of records) {
    const alone = await attempt(session, [record]);
    if ('restored' in alone) restored.push(...alone.restored);
    else restorable.push(record);
  }
  return { restored, restorable, ...(restorable.length > 0 && together) };
}

async function attempt(
  session: Session,
  records: readonly RescueRecord[],
  dryRun = false,
): Promise<{ restored: Restored[] } | { error: DbopsError }> {
  const { restore } = await import('../rescue/restore/run.ts');
  try {
    const now = await readAgain(session, records);
    return { restored: await restore(session, now, { dryRun, overwrite: false }) };
  } catch (error) {
    const { restoreError } = await import('../rescue/restore/restore-error.ts');
    return { error: restoreError(error, records) };
  }
}

/** Merges the results of two attempts; what the first restored is `same` for the second. */
function merge(first: Restored | undefined, second: Restored): Restored {
  if (first === undefined || second.obstacle !== undefined) return first ?? second;
  const { restored } = first.fates;
  const fates: Fates = {
    ...second.fates,
    restored: restored + second.fates.restored,
    same: Math.max(0, second.fates.same - restored),
  };
  return { ...second, fates };
}

/** Changes nothing; a restore that the server rejects is not counted. */
async function lookAt(session: Session, records: readonly RescueRecord[]): Promise<Restored[]> {
  if (records.length === 0) return [];
  const looked = await attempt(session, records, true);
  return 'restored' in looked ? looked.restored : [];
}
