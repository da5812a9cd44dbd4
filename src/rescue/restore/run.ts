import { quoteIdentifier, quoteName } from '../../db/quote.ts';
import { underUserPath } from '../../db/search-path.ts';
import type { Session } from '../../db/session.ts';
import { withExactText } from '../exact-text.ts';
import { ownRows } from '../row-matching.ts';
import type { RescueRecord, SequenceState } from '../record.ts';
import { keyOf, readShapes, type Shape } from '../table-shape.ts';
import { restoreValues } from './restore-column.ts';
import { attempted, findObstacle } from './refusal.ts';
import {
  nothing,
  type Fate,
  type Fates,
  type RestoreTarget,
  type RestoreOptions,
} from './row-outcome.ts';
import { inOrder } from './foreign-keys.ts';
import {
  withLateForeignKeys,
  withoutForcedPolicies,
  withoutTriggers,
  withSettableIdentity,
} from './disable-constraints.ts';
import { restoreRows } from './restore-rows.ts';

/** What became of a record. */
export interface Restored {
  record: RescueRecord;
  fates: Fates;
  /** Why nothing was tried. */
  obstacle?: string;
  /** Its table and others refer to one another. */
  isCyclic: boolean;
}

/**
 * Restores rows and values in one transaction: tables first, parents before children, then columns.
 * Existing rows and newer values are only overwritten with `overwrite`.
 *
 * @throws when the server refuses a row; then nothing was changed
 */
export async function restore(
  session: Session,
  records: readonly RescueRecord[],
  options: RestoreOptions,
): Promise<Restored[]> {
  await session.script(options.dryRun ? 'BEGIN READ ONLY' : 'BEGIN');
  try {
    const restored = await restoreWithin(session, records, options);
    await session.script(options.dryRun ? 'ROLLBACK' : 'COMMIT');
    return restored;
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** The same in the caller's transaction. */
export function restoreWithin(
  session: Session,
  records: readonly RescueRecord[],
  options: RestoreOptions,
): Promise<Restored[]> {
  return withExactText(session, () => inTransaction(session, records, options));
}

async function inTransaction(
  session: Session,
  records: readonly RescueRecord[],
  options: RestoreOptions,
): Promise<Restored[]> {
  const shapes = await readShapes(
    session,
    records.map(({ loss }) => loss),
  );
  const shapeOf = ({ loss }: RescueRecord) => shapes.get(keyOf(loss));
  const obstacles = new Map<RescueRecord, string>();
  for (const record of records) {
    const obstacle = await findObstacle(session, record, shapeOf(record));
    if (obstacle) obstacles.set(record, obstacle);
  }
  const fit = records.filter((record) => !obstacles.has(record));
  const tables = fit.filter(({ loss }) => loss.kind !== 'column');
  const { ordered, cyclic } = inOrder(tables, shapes);
  const columns = fit.filter(({ loss }) => loss.kind === 'column');
  const used = [...new Set(fit.flatMap((record) => shapeOf(record) ?? []))];
  const cycle = new Set(cyclic.map(({ loss }) => keyOf(loss)));
  const preparations = options.dryRun ? [] : preparationsFor(used, columns, shapes, cycle);
  if (!options.dryRun) await prepare(session, used, preparations);
  const fates = new Map<RescueRecord, Fates>();
  for (const record of [...ordered, ...cyclic, ...columns]) {
    const shape = shapeOf(record);
    if (!shape) continue;
    // Parents that were restored before are in their tables.
    const isLate = (other: RescueRecord) => options.dryRun || cyclic.includes(other);
    const together = new Map(
      tables
        .filter((other) => other === record || isLate(other))
        .map((other) => [keyOf(other.loss), other]),
    );
    const further = furtherColumns(record, columns);
    const byKey = { ...record, key: [...record.key, ...restoredBefore(record, fates)] };
    fates.set(record, await one(session, { record: byKey, shape, options, together, further }));
  }
  if (!options.dryRun) {
    await underUserPath(session, 'SET CONSTRAINTS ALL IMMEDIATE', options.toPath);
    await session.script(preparations.flatMap(({ after }) => after).join('; '));
    for (const record of fit) await setSequences(session, record);
    for (const [record, result] of fates) await note(session, record, result);
  }
  return records.map((record) => {
    const obstacle = obstacles.get(record);
    const isCyclic = cyclic.includes(record);
    return { record, fates: fates.get(record) ?? nothing, isCyclic, ...(obstacle && { obstacle }) };
  });
}

/** Rows without a key are also identified by the values that were restored so far. */
function restoredBefore(record: RescueRecord, fates: ReadonlyMap<RescueRecord, Fates>): string[] {
  if (record.isKeyed || record.loss.kind !== 'column') return [];
  return [...fates].flatMap(([{ loss, keptAt }, { conflict, orphan }]) =>
    loss.kind === 'column' &&
    keyOf(loss) === keyOf(record.loss) &&
    keptAt.getTime() === record.keptAt.getTime() &&
    conflict + orphan === 0
      ? loss.column
      : [],
  );
}

/** Of several copies of one column the newest is used; rows without a key cannot be identified here. */
function furtherColumns(record: RescueRecord, columns: readonly RescueRecord[]) {
  const own = new Set(record.columns.map(({ name }) => name));
  const further = new Map<string, RescueRecord>();
  for (const column of columns) {
    const { loss, key, isKeyed } = column;
    if (loss.kind !== 'column' || keyOf(loss) !== keyOf(record.loss) || own.has(loss.column))
      continue;
    if (!isKeyed || !key.every((name) => own.has(name)) || further.has(loss.column)) continue;
    further.set(loss.column, column);
  }
  return [...further].map(([column, of]) => ({ column, record: of }));
}

function preparationsFor(
  used: readonly Shape[],
  columns: readonly RescueRecord[],
  shapes: ReadonlyMap<string, Shape>,
  cycle: ReadonlySet<string>,
) {
  const identities = columns.flatMap(({ loss }) => {
    const shape = shapes.get(keyOf(loss));
    return shape && loss.kind === 'column' ? withSettableIdentity(shape, loss.column) : [];
  });
  return [
    ...used.flatMap((shape) => [withoutTriggers(shape), withoutForcedPolicies(shape)]),
    ...used
      .filter((shape) => cycle.has(keyOf(shape)))
      .map((shape) => withLateForeignKeys(shape, cycle)),
    ...identities,
  ];
}

async function prepare(
  session: Session,
  used: readonly Shape[],
  preparations: readonly { before: string[] }[],
): Promise<void> {
  if (used.length === 0) return;
  const tables = used.map(ownRows).toSorted().join(', ');
  const lock = `LOCK TABLE ${tables} IN SHARE ROW EXCLUSIVE MODE`;
  await session.script([lock, ...preparations.flatMap(({ before }) => before)].join('; '));
}

async function one(session: Session, place: RestoreTarget): Promise<Fates> {
  const { loss } = place.record;
  const narrowType = await narrowTypeOf(session, place);
  const sql =
    loss.kind === 'column'
      ? restoreValues({ ...place, ...(narrowType && { narrowType }) }, loss.column)
      : restoreRows(place);
  const fates = { ...nothing };
  type Row = { fate: Fate; rows: number };
  const { toPath } = place.options;
  for (const { fate, rows } of await underUserPath<Row>(session, sql, toPath)) fates[fate] += rows;
  return fates;
}

/**
 * If another tool added the column again, its values were not stored: the narrow ones identify
 * them.
 */
async function narrowTypeOf(
  session: Session,
  { record, shape }: RestoreTarget,
): Promise<string | undefined> {
  const { loss, isReturned } = record;
  if (loss.kind !== 'column' || loss.to === undefined || isReturned) return undefined;
  const cast = `count(${quoteIdentifier(loss.column)}::${loss.to})`;
  const canCast = await attempted(session, `SELECT ${cast} FROM ${ownRows(shape)}`);
  return canCast === undefined ? undefined : loss.to;
}

/** Never back: numbers that were given out since stay given out. */
async function setSequences(session: Session, { sequences, loss }: RescueRecord): Promise<void> {
  for (const state of sequences) {
    const name = await sequenceOf(session, state, loss);
    if (name)
      await session.query(
        `SELECT setval($1::regclass, $2::bigint, $3) FROM ${name} s, pg_sequence q
          WHERE q.seqrelid = $1::regclass
            AND (sign(q.seqincrement) * ($2::numeric - s.last_value) > 0
                 OR $2::numeric = s.last_value AND $3 AND NOT s.is_called)`,
        [name, state.lastValue, state.isCalled],
      );
  }
}

/** The sequence of that name, or the one that the column has now. */
async function sequenceOf(
  session: Session,
  { schema, name, column }: SequenceState,
  loss: RescueRecord['loss'],
): Promise<string | undefined> {
  const [row] = await session.query<{ name: string | null }>(
    `SELECT coalesce(
       (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'S'),
       (SELECT pg_get_serial_sequence($3, $4) FROM pg_attribute
         WHERE attrelid = $3::regclass AND attname = $4 AND NOT attisdropped)) AS name`,
    [schema, name, quoteName({ schema: loss.schema, name: loss.table }), column],
  );
  return row?.name ?? undefined;
}

async function note(session: Session, { id }: RescueRecord, fates: Fates): Promise<void> {
  const isWhole = fates.conflict + fates.orphan === 0;
  await session.query(
    `UPDATE dbops_rescue.records SET state = $2, restored_at = now() WHERE id = $1`,
    [id, isWhole ? 'restored' : 'partly'],
  );
}
