import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { withExactText, withQualifiedNames } from './exact-text.ts';
import { ownRows, storedOrder } from './row-matching.ts';
import {
  copyOf,
  dropRecords,
  ensureRecords,
  insertRecord,
  readRecords,
  type Cause,
  type Destroyed,
  type RescueRecord,
  type SequenceState,
} from './record.ts';
import { keyOf, readShapes, type Shape, type ShapeColumn } from './table-shape.ts';

/** A table or column that was copied. */
export type Kept = Pick<RescueRecord, 'id' | 'loss' | 'rows' | 'key' | 'isKeyed' | 'tableId'>;

/**
 * Copies what will be destroyed into `dbops_rescue`, in the caller's transaction. The tables are
 * locked first, as the following statements would lock them, so that no row is written in between.
 *
 * @param losses those of tables that are not there, or have no rows, are left out
 * @param all of the script: what it destroys can't be a key
 */
export async function keep(
  session: Session,
  cause: Cause,
  losses: readonly Destroyed[],
  all: readonly Destroyed[] = losses,
): Promise<Kept[]> {
  const tables = await lock(session, losses);
  if (tables.size === 0) return [];
  // Names among the values (regclass …) are kept with their schemas.
  const exactly = (work: () => Promise<Kept[]>) =>
    withExactText(session, () => withQualifiedNames(session, work));
  return exactly(async () => {
    const kept: Kept[] = [];
    for (const loss of losses) {
      const shape = tables.get(keyOf(loss));
      const copy = shape && planCopy(shape, loss, all);
      if (copy && (await hasRows(session, copy))) {
        if (kept.length === 0) await begin(session, cause, losses);
        kept.push(await make(session, cause, copy));
      }
    }
    return kept;
  });
}

async function lock(session: Session, losses: readonly Destroyed[]): Promise<Map<string, Shape>> {
  const present = await readShapes(session, losses);
  if (present.size === 0) return present;
  const tables = [...present.values()].map(ownRows).toSorted().join(', ');
  await session.script(`LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`);
  return readShapes(session, losses); // as they are now that nobody can change them
}

/**
 * A run that was interrupted between copying and destroying, outside a transaction, left copies of
 * tables that still exist: the new copies replace them.
 */
async function begin(session: Session, cause: Cause, losses: readonly Destroyed[]): Promise<void> {
  await session.script(ensureRecords);
  const ofLoss = new Set(losses.map((loss) => JSON.stringify(loss)));
  const tables = await readShapes(session, losses);
  const stale = (await readRecords(session)).filter(
    ({ loss, tableId, left, ...record }) =>
      left === null &&
      record.state === 'kept' &&
      record.tracking === cause.tracking &&
      record.migration === cause.migration &&
      record.direction === cause.direction &&
      loss.kind !== 'rows' &&
      ofLoss.has(JSON.stringify(loss)) &&
      tables.get(keyOf(loss))?.oid === tableId,
  );
  if (stale.length > 0) await dropRecords(session, stale);
}

/** What is copied, and from where. */
export interface Copy {
  loss: Destroyed;
  shape: Shape;
  /** In the order of the copy. */
  columns: ShapeColumn[];
  key: string[];
  isKeyed: boolean;
  /**
   * An SQL condition for the rows to copy; absent: all. Without a key the others are copied too,
   * because equal rows are identified only by their order.
   */
  condition?: string;
}

/** @param losses all of the script: what it destroys can't be a key */
export function planCopy(
  shape: Shape,
  loss: Destroyed,
  losses: readonly Destroyed[],
): Copy | undefined {
  const stored = shape.columns.filter(({ isGenerated }) => !isGenerated);
  if (stored.length === 0) return undefined; // rows of nothing
  if (loss.kind !== 'column') {
    const [key] = shape.keys;
    const all = stored.map(({ name }) => name);
    return { loss, shape, columns: stored, key: key ?? all, isKeyed: key !== undefined };
  }
  const column = stored.find(({ name }) => name === loss.column);
  if (!column) return undefined;
  const lost = new Set(
    losses.flatMap((other) =>
      other.kind === 'column' && keyOf(other) === keyOf(loss) ? other.column : [],
    ),
  );
  const left = stored.filter(({ name }) => !lost.has(name)).map(({ name }) => name);
  const own = shape.keys.find((names) => names.every((name) => left.includes(name)));
  const key = own ?? left;
  return {
    loss,
    shape,
    key,
    isKeyed: own !== undefined,
    // Without a key, the values of other lost columns tell rows apart once they are back.
    columns: stored.filter(({ name }) => !own || name === loss.column || key.includes(name)),
    // A default would fill what was NULL, and an expression can make a value of it.
    ...(loss.change === 'dropped' &&
      !column.hasDefault && { condition: `${q(column.name)} IS NOT NULL` }),
  };
}

/** Returns SQL that selects the rows to copy. */
export function rowsOf({ shape, condition }: Copy): string {
  return `FROM ${ownRows(shape)}${condition ? ` WHERE ${condition}` : ''}`;
}

async function hasRows(session: Session, copy: Copy): Promise<boolean> {
  const [row] = await withoutPolicies(session, copy.shape, () =>
    session.query(`SELECT ${rowsOf(copy)} LIMIT 1`),
  );
  return row !== undefined;
}

async function make(session: Session, cause: Cause, copy: Copy): Promise<Kept> {
  const { loss, shape, key, isKeyed } = copy;
  const columns = copy.columns.map(({ name, type }) => ({ name, type }));
  const tableId = shape.oid;
  const sequences = await readSequences(session, copy);
  const record = { ...cause, loss, tableId, key, isKeyed, columns, sequences };
  const id = await insertRecord(session, record);
  const selected = copy.columns.map(({ name, keptType, isCollated }) => {
    const value = `${q(name)}::${keptType}`;
    return `${isCollated ? `(${value} COLLATE "C")` : value} AS ${q(name)}`;
  });
  const order = isKeyed ? '' : `ORDER BY ${storedOrder}`;
  selected.push(`row_number() OVER (${order}) AS dbops_order`);
  const marks =
    loss.kind === 'column'
      ? ['NULL::text AS dbops_left', 'NULL::text AS dbops_returned', 'false AS dbops_changed']
      : [];
  await withoutPolicies(session, shape, () =>
    session.script(
      `CREATE TABLE ${copyOf({ id })} AS SELECT ${[...selected, ...marks].join(', ')}
         ${isKeyed ? rowsOf(copy) : `FROM ${ownRows(shape)}`}`,
    ),
  );
  const [{ rows } = { rows: 0 }] = await session.query<{ rows: number }>(
    `UPDATE dbops_rescue.records SET rows = (SELECT count(*) FROM ${copyOf({ id })} WHERE ${copy.condition ?? 'true'})
      WHERE id = $1 RETURNING rows::float8 AS rows`,
    [id],
  );
  return { id, loss, rows, key, isKeyed, tableId };
}

/** Returns the positions of the sequences that are destroyed. */
async function readSequences(session: Session, { loss, shape }: Copy): Promise<SequenceState[]> {
  const states: SequenceState[] = [];
  for (const { column, schema, name } of shape.sequences) {
    if (loss.kind === 'column' && loss.column !== column) continue;
    const [state] = await session.query<{ lastValue: string; isCalled: boolean }>(
      `SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM ${quoteName({ schema, name })}`,
    );
    if (state) states.push({ column, schema, name, ...state });
  }
  return states;
}

/** FORCE ROW LEVEL SECURITY would keep rows from the owner, and so from the copy. */
async function withoutPolicies<T>(
  session: Session,
  shape: Shape,
  work: () => Promise<T>,
): Promise<T> {
  if (!shape.forcesPolicies) return work();
  const table = quoteName({ schema: shape.schema, name: shape.table });
  await session.script(`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`);
  const result = await work();
  await session.script(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
  return result;
}
