import { readOnly, transaction, type Session } from '../../db/session.ts';
import { DbopsError, exitCodes } from '../../errors.ts';
import type { Folder, RowColumns, RowForm, Tracking } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import { explained, writeRows } from '../../repair/apply.ts';
import type { Action } from '../../repair/action.ts';
import { replaceRows } from '../../repair/squash/replace-rows.ts';
import { readRows } from '../../repair/read.ts';
import { hasContent, matchRows, type Matches, type TrackedRow } from '../../repair/rows.ts';
import { exact, exactly } from '../../repair/undo-record.ts';
import type { SquashPlan } from './plan.ts';

/** What the tracking table records of the migrations, and what is changed. */
export interface RowPlan {
  /** `none`: no migration is recorded; `done`: an interrupted run has written the row. */
  state: 'all' | 'none' | 'done';
  rows: readonly TrackedRow[];
  actions: readonly Action[];
}

/**
 * Plans the change of the tracking rows: all of the migrations are recorded as applied, or none is.
 *
 * @throws code 6 where some are recorded, or where a row does not match its file
 */
export async function planRows(
  session: Session,
  { tracking }: Folder,
  { plan, squashed }: { plan: SquashPlan; squashed: Migration },
): Promise<RowPlan> {
  const form = tracking.rows;
  const rows = await rowsIn(session, form);
  const known = matchRows(rows, plan.migrations, form);
  const owned = plan.members.flatMap((migration) => {
    const row = known.owners.get(migration);
    const twins = known.duplicates.filter((each) => each.migration === migration);
    return [...twins.map((each) => each.row), ...(row ? [row] : [])].map((each) => ({
      name: migration.name,
      row: each,
    }));
  });
  const ofSquashed = rows.find(({ columns }) => records(columns, form.columnsOf(squashed)));
  const isDone = plan.isWritten && ofSquashed && owned.every(({ row }) => row === ofSquashed);
  if (isDone) return { state: 'done', rows, actions: [] };
  assertWhole(plan, known, tracking.table);
  if (owned.length === 0) return { state: 'none', rows, actions: [] };
  assertUnedited(plan, known, tracking);
  return { state: 'all', rows, actions: replaceRows(owned, squashed, form) };
}

/** Reads under the settings of an undo record, in which a time has the same text each time. */
function rowsIn(session: Session, form: RowForm): Promise<readonly TrackedRow[]> {
  return readOnly(session, async () => {
    await session.script(exact);
    return (await readRows(session, form)) ?? [];
  });
}

function records(columns: RowColumns, wanted: RowColumns): boolean {
  return Object.entries(wanted).every(
    ([column, value]) => JSON.stringify(columns[column]) === JSON.stringify(value),
  );
}

/** @throws code 6 where some migrations are recorded as applied, or one as failed */
function assertWhole(
  { members }: SquashPlan,
  { owners, failed, orphans }: Matches,
  table: string,
): void {
  const unclear = orphans.flatMap(({ migration, by }) =>
    migration && members.includes(migration)
      ? [`${migration.name} probably has a row, by its ${by}`]
      : [],
  );
  const failing = members.filter((each) => failed.has(each));
  const open = members.filter((each) => !owners.has(each));
  const isWhole = open.length === 0 || open.length === members.length;
  if (failing.length + unclear.length === 0 && isWhole) return;
  throw new DbopsError({
    code: 'SQUASH.PARTLY',
    exitCode: exitCodes.desynchronised,
    message: `${members.length - open.length} of ${members.length} migrations are recorded in ${table}: either all or none must be applied. Nothing was changed.`,
    reason: [
      ...failing.map(({ name }) => `${name} is recorded as failed`),
      ...unclear,
      ...open.map(({ name }) => `${name} is not recorded`),
    ],
    hint: 'Apply them: dbops migrate up. If the table is wrong: dbops repair-tracking',
  });
}

/** @throws code 6 where a file was edited after it was applied: its row would be lost */
function assertUnedited(
  { members }: SquashPlan,
  { owners }: Matches,
  { table, rows: form }: Tracking,
): void {
  const edited = members.filter((each) => {
    const row = owners.get(each);
    return (
      row && (form.contentOf?.(row.columns, each) ?? null) !== null && !hasContent(row, each, form)
    );
  });
  if (edited.length === 0) return;
  throw new DbopsError({
    code: 'SQUASH.EDITED',
    exitCode: exitCodes.desynchronised,
    message: `A file was edited after it was applied, as ${table} records it. Nothing was changed.`,
    reason: edited.map(({ name }) => `${name}: edited after it was applied`),
    hint: 'Compare the files with the schema, and correct the rows: dbops repair-tracking',
  });
}

/**
 * Writes the rows in one transaction, with a record to undo it.
 *
 * @returns the id of the record
 * @throws code 6 where the rows have changed since they were planned
 */
export async function applyRows(
  session: Session,
  { tracking }: Folder,
  { rows, actions }: RowPlan,
  lockTimeout: number,
): Promise<string> {
  const { table } = tracking.rows;
  try {
    return await transaction(session, async () => {
      await session.script(`SET LOCAL lock_timeout = ${lockTimeout}`);
      await session.script(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
      const now = await exactly(session, () => readRows(session, tracking.rows));
      if (JSON.stringify(now) !== JSON.stringify(rows)) throw changedMeanwhile(tracking.table);
      return (await writeRows(session, tracking, { actions, rows })).undo;
    });
  } catch (error) {
    throw await explained(error, session, tracking);
  }
}

function changedMeanwhile(table: string): DbopsError {
  return new DbopsError({
    code: 'SQUASH.CHANGED',
    exitCode: exitCodes.desynchronised,
    message: `${table} changed while the squash was being proven. Nothing was changed.`,
    hint: 'Run the command again when no other migration is running.',
  });
}
