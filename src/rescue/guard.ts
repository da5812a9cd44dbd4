import { finishCopies } from './finish-copies.ts';
import { lossesBetween, readStorage, type Loss, type Storage } from '../catalog/losses.ts';
import { codeOf } from '../db/connection-error.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { runRules } from './run-rules.ts';
import type { RowGuard } from '../runner/step.ts';
import type { Destruction } from '../sql/destructions.ts';
import { keep, type Kept } from './copy-rows.ts';
import {
  distinct,
  dropRecords,
  readAgain,
  isSameLoss,
  recordsUndoneBy,
  type Cause,
  type Destroyed,
  type RescueRecord,
} from './record.ts';
import { rescueError } from './copy-error.ts';
import { restoreError } from './restore/restore-error.ts';
import { restoreWithin, type Restored } from './restore/run.ts';
import {
  identifyColumns,
  markChanged,
  markReturned,
  type ColumnIdentities,
} from './track-returned.ts';
import { statedLosses } from './losses-in-text.ts';

/** What a guard copies and restores. */
export interface Watch {
  cause: Cause;
  /** Losses that a shadow showed. */
  losses: readonly Loss[];
  /** Losses in the text of the script. */
  stated: readonly Destruction[];
  /** Without a shadow, the effect of a type change is unknown. */
  isStatedAlone: boolean;
  /** Nothing is copied, by consent of the user. */
  discards: boolean;
  /**
   * Whether rows and values whose table or column the script recreates are restored in its
   * transaction.
   */
  restores: boolean;
  /** SQL that runs after the restore: constraints that need those rows. */
  rules?: string;
  /** Called after the script; its transaction may still fail and run again. */
  onOutcome: (outcome: GuardOutcome) => void;
}

/** The outcome for rows and values around a script. */
export interface GuardOutcome {
  /** Copies made before rows were destroyed. */
  kept: readonly Kept[];
  /** Losses of a script outside a transaction that were not copied. */
  missed: readonly Loss[];
  /** The copies of what the script undoes. */
  returning: readonly RescueRecord[];
  /** What was restored of them, without what the server rejected. */
  restored: readonly Restored[];
}

/**
 * Returns a guard that copies what a script destroys. The expected losses are copied before it.
 * Afterwards the actual losses are read from the catalog in the same transaction: if there are
 * more, the script is rolled back to a savepoint, these are copied too, and the script runs again.
 */
export function guardFor(watch: Watch): RowGuard {
  let unattended:
    { placed: Placed; storage: Storage; kept: Kept[]; returning: Returning } | undefined;
  return {
    around: async (session, script, toPath) =>
      watch.onOutcome(await around(session, { ...watch, toPath }, script)),
    async before(session, toPath) {
      const placed = { ...watch, toPath };
      const returning = await awaitReturn(session, watch);
      const kept = await keepExpected(session, placed);
      unattended = { placed, storage: await readStorage(session), kept, returning };
      return kept.length > 0;
    },
    async after(session) {
      if (!unattended) return;
      const { placed, storage, kept, returning } = unattended;
      const restored = await restoreReturned(session, placed, returning);
      const lost = watch.discards ? [] : lossesBetween(storage, await readStorage(session));
      const missed = lost.filter((loss) => !kept.some((one) => isSameLoss(one.loss, loss)));
      const remaining = await finishCopies(session, { before: storage, lost, kept });
      watch.onOutcome({ kept: remaining, missed, restored, returning: returning.records });
    },
  };
}

/** A watch over a script whose search_path is known. */
type Placed = Watch & { toPath: string | undefined };

async function around(
  session: Session,
  watch: Placed,
  script: () => Promise<void>,
): Promise<GuardOutcome> {
  const returning = await awaitReturn(session, watch);
  if (watch.discards) {
    const restored = await bringBack(session, watch, returning, script);
    return { kept: [], missed: [], restored, returning: returning.records };
  }
  let kept = await keepExpected(session, watch);
  const before = await readStorage(session);
  await session.script('SAVEPOINT dbops_script');
  let restored = await bringBack(session, watch, returning, script);
  let lost = lossesBetween(before, await readStorage(session));
  const known = kept.map(({ loss }) => loss);
  const missed = lost.filter((loss) => !known.some((one) => isSameLoss(one, loss)));
  if (missed.length > 0) {
    await session.script('ROLLBACK TO SAVEPOINT dbops_script');
    const again = kept.filter((one) => missed.some((loss) => isInKey(loss, one)));
    await dropRecords(session, again);
    const all = [...known, ...missed];
    const due = [...again.map(({ loss }) => loss), ...missed];
    const more = await keepOrExplain(session, watch, due, all);
    kept = [...kept.filter((one) => !again.includes(one)), ...more];
    await session.script('SAVEPOINT dbops_script');
    restored = await bringBack(session, watch, returning, script);
    lost = lossesBetween(before, await readStorage(session));
  }
  const remaining = await finishCopies(session, { before, lost, kept });
  return { kept: remaining, missed: [], restored, returning: returning.records };
}

/** A copy whose rows are identified by a column that is lost too. */
function isInKey(loss: Loss, { loss: { schema, table }, key }: Kept): boolean {
  const isOfTable = loss.schema === schema && loss.table === table;
  return loss.kind === 'column' && isOfTable && key.includes(loss.column);
}

/** Returns the records that the script may make restorable, before it runs. */
interface Returning {
  records: readonly RescueRecord[];
  columns: ColumnIdentities;
}

/**
 * Read in the transaction of the script, because an earlier step of the run may have made copies.
 */
async function awaitReturn(session: Session, { cause }: Watch): Promise<Returning> {
  const { tracking, direction, migration } = cause;
  const records = await recordsUndoneBy(session, tracking, direction, [migration]);
  await markChanged(session, records);
  const columns = await identifyColumns(session, records);
  return { records, columns };
}

/**
 * Runs the script, restores the rows whose table or column it recreated, and adds the constraints.
 */
async function bringBack(
  session: Session,
  watch: Placed,
  returning: Returning,
  script: () => Promise<void>,
): Promise<readonly Restored[]> {
  await script();
  const restored = await restoreReturned(session, watch, returning);
  if (watch.rules) await runRules(session, watch.rules);
  return restored;
}

async function restoreReturned(
  session: Session,
  { restores, rules, toPath }: Placed,
  { records, columns }: Returning,
): Promise<readonly Restored[]> {
  if (records.length === 0) return [];
  await markReturned(session, records, columns);
  if (!restores) return [];
  const open = await readAgain(session, records);
  const options = { dryRun: false, overwrite: false, ...(toPath && { toPath }) };
  const work = () => restoreWithin(session, open, options);
  // Constraints need the rows; without constraints, rows that the server rejects do not stop the script.
  const restored = rules === undefined ? unlessRefused(session, work) : work();
  return restored.catch((error: unknown) => {
    throw restoreError(error, open);
  });
}

/**
 * Returns undefined where the server rejects the rows; the transaction then continues from before
 * `work`.
 */
async function unlessRefused(
  session: Session,
  work: () => Promise<readonly Restored[]>,
): Promise<readonly Restored[]> {
  await session.script('SAVEPOINT dbops_restore');
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await session.script('ROLLBACK TO SAVEPOINT dbops_restore');
    return [];
  }
}

/**
 * Returns whether an error concerns the rows or privileges on their tables: SQLSTATE classes 0A,
 * 22, 23, 42, 44, P0, and 55006 (pending trigger events); not locks, resources or connections.
 */
function isRefusal(error: unknown): boolean {
  const code = codeOf(error instanceof ScriptError ? error.cause : error);
  return /^(?:0A|22|23|42|44|P0)|^55006$/.test(code);
}

async function keepExpected(session: Session, watch: Placed): Promise<Kept[]> {
  const { losses, stated, isStatedAlone, discards, toPath } = watch;
  if (discards) return [];
  const said = await statedLosses(session, stated, isStatedAlone, toPath);
  return keepOrExplain(session, watch, distinct([...losses, ...said]));
}

async function keepOrExplain(
  session: Session,
  { cause }: Watch,
  losses: readonly Destroyed[],
  all = losses,
): Promise<Kept[]> {
  if (losses.length === 0) return [];
  try {
    return await keep(session, cause, losses, all);
  } catch (error) {
    throw rescueError(error, cause, session);
  }
}
