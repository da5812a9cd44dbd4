import type { Backfill } from '../backfill/definition.ts';
import type { Context } from '../context.ts';
import { isRightMissing } from '../db/refusal.ts';
import { schemaOf } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { readRecords, type RescueRecord } from '../rescue/record.ts';
import { countOf, placeOf, restoredSentence } from '../rescue/report.ts';
import { restoreError } from '../rescue/restore/restore-error.ts';
import { restore } from '../rescue/restore/run.ts';
import { readAssignment, readTable } from '../sql/expression.ts';

/**
 * Restores the values that a rollback has saved from the columns of a backfill. Otherwise the backfill
 * would compute values for their rows, and the saved ones would be left alone afterwards.
 *
 * @throws DbopsError when the server refuses them; nothing is changed then
 */
export async function restoreBeforeBackfill(
  { note }: Pick<Context, 'note'>,
  session: Session,
  backfill: Backfill,
): Promise<void> {
  const saved = await savedValues(session, backfill);
  if (saved.length === 0) return;
  const restored = await restore(session, saved, { dryRun: false, overwrite: false }).catch(
    (error: unknown) => {
      throw restoreError(error, saved);
    },
  );
  for (const one of restored)
    note(`before the backfill ${backfill.name}: ${restoredSentence(one)}`);
}

/** Notes what a run would restore first. */
export async function noteSavedValues(
  { note }: Pick<Context, 'note'>,
  session: Session,
  backfill: Backfill,
): Promise<void> {
  for (const { loss, rows } of await savedValues(session, backfill))
    note(`a run first restores ${countOf(loss, rows)} of ${placeOf(loss)} from dbops_rescue`);
}

/** The copies belong to the role that runs migrations; another one has nothing to restore. */
async function readOwnRecords(session: Session): Promise<RescueRecord[]> {
  try {
    return await readRecords(session);
  } catch (error) {
    if (isRightMissing(error)) return [];
    throw error;
  }
}

async function savedValues(session: Session, { targets }: Backfill): Promise<RescueRecord[]> {
  const records = (await readOwnRecords(session)).filter(
    ({ direction, state, loss }) =>
      direction === 'down' && state !== 'restored' && loss.kind === 'column',
  );
  if (records.length === 0) return [];
  const columns = new Set<string>();
  for (const target of targets) {
    const { name, schema } = await readTable(target.table, 'table');
    const place = schema ?? (await schemaOf(session, name));
    const { column } = await readAssignment(target.set, 'set');
    columns.add(JSON.stringify([place, name, column]));
  }
  return records.filter(
    ({ loss }) =>
      loss.kind === 'column' && columns.has(JSON.stringify([loss.schema, loss.table, loss.column])),
  );
}
