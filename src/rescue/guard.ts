import { lossesBetween, readStorage, type Loss, type Storage } from '../catalog/losses.ts';
import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { Destruction } from '../sql/destructions.ts';
import { withExactText } from './formats.ts';
import { keep, type Kept } from './keep.ts';
import { isMatch, keptRows, liveRows } from './match.ts';
import {
  copyOf,
  distinct,
  dropRecords,
  readAgain,
  correctLoss,
  isSameLoss,
  type Cause,
  type Destroyed,
  type Left,
  type RescueRecord,
} from './record.ts';
import { rescueError } from './rescue-error.ts';
import { restoreError } from './restore/restore-error.ts';
import { restoreWithin, type Restored } from './restore/run.ts';
import { markChanged, markReturned } from './returning.ts';
import { readShapeOf } from './shape.ts';
import { statedLosses } from './stated.ts';

/** What a guard is to keep. */
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
  /** Records of what the script brings back. */
  returning: readonly RescueRecord[];
  /** Whether they are put back, in the transaction of the script. */
  restores: boolean;
  /** SQL that runs after that: what only tables with their rows satisfy. */
  rules?: string;
  onRestored: (restored: readonly Restored[]) => void;
  /** Told what was kept once the script has run; its transaction may still fail. */
  onKept: (kept: readonly Kept[]) => void;
  /** Told what an unattended script destroyed beyond what was kept. */
  onMissed: (losses: readonly Loss[]) => void;
}

/** Surrounds the script of a step. */
export interface Guard {
  /**
   * In the transaction of the step.
   *
   * @param script may be run twice, the first time rolled back to a savepoint
   * @param toPath SQL that gives names the meaning that they have in the script; absent: for the role
   */
  around(session: Session, script: () => Promise<void>, toPath?: string): Promise<void>;
  /** For a script that runs outside a transaction: both are called in one of their own. */
  before(session: Session, toPath?: string): Promise<void>;
  after(session: Session): Promise<void>;
}

/**
 * A guard that keeps what a script destroys. The expected losses are copied before it; what it has
 * really destroyed is then read from the catalog, inside the same transaction: if there is more,
 * the script is taken back, that is copied too, and the script runs again.
 */
export function guardFor(watch: Watch): Guard {
  let unattended: { storage: Storage; kept: Kept[] } | undefined;
  return {
    around: (session, script, toPath) => around(session, { ...watch, toPath }, script),
    async before(session, toPath) {
      await markChanged(session, watch.returning);
      const kept = await keepExpected(session, { ...watch, toPath });
      unattended = { storage: await readStorage(session), kept };
    },
    async after(session) {
      if (!unattended) return;
      await markReturned(session, watch.returning);
      if (watch.discards) return;
      const { storage, kept } = unattended;
      const lost = lossesBetween(storage, await readStorage(session));
      watch.onMissed(lost.filter((loss) => !kept.some((one) => isSameLoss(one.loss, loss))));
      await finish(session, watch, { before: storage, lost, kept });
    },
  };
}

/** A watch over a script whose path is known. */
type Placed = Watch & { toPath: string | undefined };

async function around(session: Session, watch: Placed, script: () => Promise<void>): Promise<void> {
  await markChanged(session, watch.returning);
  if (watch.discards) return bringBack(session, watch, script);
  let kept = await keepExpected(session, watch);
  const before = await readStorage(session);
  await session.script('SAVEPOINT dbops_script');
  await bringBack(session, watch, script);
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
    await bringBack(session, watch, script);
    lost = lossesBetween(before, await readStorage(session));
  }
  await finish(session, watch, { before, lost, kept });
}

/** A copy that tells its rows apart by a column that is lost too. */
function isInKey(loss: Loss, { loss: { schema, table }, key }: Kept): boolean {
  const isOfTable = loss.schema === schema && loss.table === table;
  return loss.kind === 'column' && isOfTable && key.includes(loss.column);
}

/** The script, and the rows and values that it has made a place for. */
async function bringBack(
  session: Session,
  { returning, rules, restores, onRestored, toPath }: Placed,
  script: () => Promise<void>,
): Promise<void> {
  await script();
  await markReturned(session, returning);
  if (restores && returning.length > 0) {
    const options = { dryRun: false, overwrite: false, ...(toPath && { toPath }) };
    const records = await readAgain(session, returning);
    const restored = await restoreWithin(session, records, options).catch((error: unknown) => {
      throw restoreError(error, records);
    });
    onRestored(restored);
  }
  if (rules) await session.script(rules);
}

/** What was kept and is still there was not destroyed; what was narrowed is compared. */
async function finish(
  session: Session,
  watch: Watch,
  { before, lost, kept }: { before: Storage; lost: readonly Loss[]; kept: readonly Kept[] },
): Promise<void> {
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
  watch.onKept(remaining);
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
