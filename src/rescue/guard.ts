import { lossesBetween, readStorage, type Loss, type Storage } from '../catalog/losses.ts';
import { quoteIdentifier as q } from '../db/quote.ts';
import { codeOf } from '../db/connection-error.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { runRules } from './run-rules.ts';
import type { RowGuard } from '../runner/step.ts';
import type { Destruction } from '../sql/destructions.ts';
import { withExactText } from './exact-text.ts';
import { keep, type Kept } from './copy-rows.ts';
import { isMatch, keptRows, liveRows } from './row-matching.ts';
import {
  copyOf,
  distinct,
  dropRecords,
  readAgain,
  correctLoss,
  isSameLoss,
  recordsUndoneBy,
  type Cause,
  type Destroyed,
  type Left,
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
import { readShapeOf } from './table-shape.ts';
import { statedLosses } from './losses-in-text.ts';

/** What a guard is to keep, and to restore. */
export interface Watch {
  cause: Cause;
  /** What a shadow has shown to be destroyed. */
  losses: readonly Loss[];
  /** What the script's text says that it destroys. */
  stated: readonly Destruction[];
  /** There was no shadow: of a change of type nobody knows what it does. */
  isStatedAlone: boolean;
  /** Nothing is kept: that was agreed to. */
  discards: boolean;
  /** Whether rows and values that the script creates a place for are restored in its transaction. */
  restores: boolean;
  /** SQL that runs after that: what only tables with their rows satisfy. */
  rules?: string;
  /** Called once the script has run; its transaction may still fail, and run again. */
  onOutcome: (outcome: GuardOutcome) => void;
}

/** What became of rows and values around a script. */
export interface GuardOutcome {
  /** What was copied before it was destroyed. */
  kept: readonly Kept[];
  /** What a script outside a transaction destroyed beyond what was copied. */
  missed: readonly Loss[];
  /** The copies of what the script undoes. */
  returning: readonly RescueRecord[];
  /** What of them was restored; those that the server refused are not among them. */
  restored: readonly Restored[];
}

/**
 * A guard that keeps what a script destroys. The expected losses are copied before it; what it has
 * really destroyed is then read from the catalog, inside the same transaction: if there is more,
 * the script is taken back, that is copied too, and the script runs again.
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
    },
    async after(session) {
      if (!unattended) return;
      const { placed, storage, kept, returning } = unattended;
      const restored = await restoreReturned(session, placed, returning);
      const lost = watch.discards ? [] : lossesBetween(storage, await readStorage(session));
      const missed = lost.filter((loss) => !kept.some((one) => isSameLoss(one.loss, loss)));
      const remaining = await finish(session, { before: storage, lost, kept });
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
  const remaining = await finish(session, { before, lost, kept });
  return { kept: remaining, missed: [], restored, returning: returning.records };
}

/** A copy that tells its rows apart by a column that is lost too. */
function isInKey(loss: Loss, { loss: { schema, table }, key }: Kept): boolean {
  const isOfTable = loss.schema === schema && loss.table === table;
  return loss.kind === 'column' && isOfTable && key.includes(loss.column);
}

/** The records that a script may create a place for, as things are before it. */
interface Returning {
  records: readonly RescueRecord[];
  columns: ColumnIdentities;
}

/** Read in the transaction of the script: an earlier step of the same run may have made copies. */
async function awaitReturn(session: Session, { cause }: Watch): Promise<Returning> {
  const { tracking, direction, migration } = cause;
  const records = await recordsUndoneBy(session, tracking, direction, [migration]);
  await markChanged(session, records);
  const columns = await identifyColumns(session, records);
  return { records, columns };
}

/** Runs the script, restores what it creates a place for, and runs the rules. */
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
  // Rules need the rows; without rules, rows that the server refuses do not stop the script.
  const restored = rules === undefined ? unlessRefused(session, work) : work();
  return restored.catch((error: unknown) => {
    throw restoreError(error, open);
  });
}

/** Nothing where the server refuses the rows: the transaction goes on as it was before `work`. */
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
 * Whether an error is about the rows or about rights on their tables: SQLSTATE classes 0A, 22, 23,
 * 42, 44, P0, and 55006 (pending trigger events). Locks, resources and connections are not.
 */
function isRefusal(error: unknown): boolean {
  const code = codeOf(error instanceof ScriptError ? error.cause : error);
  return /^(?:0A|22|23|42|44|P0)|^55006$/.test(code);
}

/** What was kept and is still there was not destroyed; what was narrowed is compared. */
async function finish(
  session: Session,
  { before, lost, kept }: { before: Storage; lost: readonly Loss[]; kept: readonly Kept[] },
): Promise<Kept[]> {
  const isLost = ({ loss }: Kept) =>
    loss.kind === 'rows' || isRewrite(loss) || lost.some((one) => isSameLoss(one, loss));
  await dropRecords(
    session,
    kept.filter((one) => !isLost(one)),
  );
  const remaining: Kept[] = [];
  for (const expected of kept.filter(isLost)) {
    const loss = lost.find((one) => isSameLoss(one, expected.loss)) ?? expected.loss;
    if (loss !== expected.loss) await correctLoss(session, expected, loss);
    const one = { ...expected, loss };
    const rows = await noteLeft(session, one, before);
    if (rows > 0) remaining.push({ ...one, rows });
  }
  return remaining;
}

function isRewrite(loss: Destroyed): boolean {
  return loss.kind === 'column' && loss.change === 'narrowed' && loss.from === loss.to;
}

/**
 * Writes what the script made of a narrowed column beside the kept values: somebody who changes it
 * later is not overwritten then. @returns the rows that are still worth keeping
 */
async function noteLeft(session: Session, kept: Kept, before: Storage): Promise<number> {
  const { loss, tableId } = kept;
  if (loss.kind !== 'column' || loss.change !== 'narrowed') return kept.rows;
  const shape = await readShapeOf(session, tableId);
  const numbers = new Map(before.get(tableId)?.columns.map(({ name, number }) => [name, number]));
  const nameNow = (name: string) =>
    shape?.columns.find(({ number }) => number === numbers.get(name))?.name;
  const column = nameNow(loss.column);
  const key = kept.key.flatMap((name) => nameNow(name) ?? []);
  if (!shape || column === undefined || key.length < kept.key.length) return kept.rows;
  const left: Left = { schema: shape.schema, table: shape.table, column, key };
  return withExactText(session, async () => {
    const { isKeyed } = kept;
    await session.script(
      `UPDATE ${copyOf(kept)} c SET dbops_left = l.${q(column)}::text
         FROM ${keptRows(kept)} k
         JOIN ${liveRows(shape, { key, isKeyed })} l ON ${isMatch} WHERE c.ctid = k.dbops_copy`,
    );
    // The same type: a value that an expression left alone is not destroyed.
    const isLost = isRewrite(loss) ? `${q(loss.column)}::text IS DISTINCT FROM dbops_left` : 'true';
    const [{ rows } = { rows: 0 }] = await session.query<{ rows: number }>(
      `UPDATE dbops_rescue.records
          SET "left" = $2, rows = (SELECT count(*) FROM ${copyOf(kept)} WHERE ${isLost})
        WHERE id = $1 RETURNING rows::float8 AS rows`,
      [kept.id, JSON.stringify(left)],
    );
    if (rows === 0) await dropRecords(session, [kept]);
    return rows;
  });
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
