import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { BoundSet } from './bind.ts';
import { evaluateSql } from './evaluate.ts';
import { failed } from './failed.ts';
import {
  planRows,
  typeOf,
  writes,
  type PlannedRow,
  type PlanRequest,
  type SetPlan,
} from './plan.ts';
import { asOurselves, asTheRole } from './role.ts';
import { insertSql, recordsJson, updateSql, type SentRow } from './rows-sql.ts';

/** Values of references, as text, by `set:n` and then by column. */
export type KnownRows = Map<string, Readonly<Record<string, string | null>>>;

/**
 * Applies the plan of one set in the caller's transaction, and finds its rows again: those that a trigger
 * created meanwhile are found instead of inserted.
 *
 * @param known the rows of the sets that it refers to; those of this set are added
 * @throws DbopsError naming the set
 */
export async function applySet(
  session: Session,
  plan: SetPlan,
  known: KnownRows,
  request: PlanRequest,
): Promise<SetPlan> {
  const mayChange = writes(plan) || plan.rows.some(({ action }) => action === 'expected');
  if (!mayChange) {
    remember(plan, known);
    return plan;
  }
  const { set } = plan;
  const alone = withKnown(set, known, plan);
  const [current = plan] = await planRows(session, [alone], request);
  const written = { set: alone, rows: keepSkipped(current.rows, plan.rows) };
  assertTriggered(written);
  await writeRows(session, written).catch((error: unknown) => {
    throw failed(set, error);
  });
  // The proof at the end finds the rows that no other set refers to.
  if (!request.wanted.has(set.set.name)) return written;
  const [after = plan] = await planRows(session, [alone], request);
  remember(after, known);
  return written;
}

function remember({ set, rows }: SetPlan, known: KnownRows): void {
  for (const { n, refs } of rows) known.set(`${set.set.name}:${n}`, refs);
}

/** A row that is skipped in the plan of the whole is skipped here: alone, no row has parents. */
function keepSkipped(rows: readonly PlannedRow[], before: readonly PlannedRow[]): PlannedRow[] {
  return rows.map((row, at) =>
    row.action === 'insert' && before[at]?.action === 'skipped'
      ? { ...row, action: 'skipped' }
      : row,
  );
}

/** Returns the set with values in place of references. */
function withKnown(bound: BoundSet, known: KnownRows, plan: SetPlan): BoundSet {
  const rows = plan.rows.map(({ row }) => ({
    place: row.place,
    values: new Map(
      [...row.values].map(([column, value]) => {
        if (value.kind !== 'row') return [column, value] as const;
        const target = bound.targets.get(column)?.get(value.set) ?? '';
        const text = known.get(`${value.set}:${value.n}`)?.[target] ?? null;
        return [column, { kind: 'json' as const, json: JSON.stringify(text) }] as const;
      }),
    ),
  }));
  // Its own columns that others refer to are still wanted.
  return { ...bound, set: { ...bound.set, rows } };
}

async function writeRows(session: Session, { set, rows }: SetPlan): Promise<void> {
  const missing = rows.filter(({ action }) => action === 'insert');
  const outdated = rows.filter(({ action }) => action === 'update');
  if (missing.length + outdated.length === 0) return;
  const evaluated = await evaluateSql(session, [
    ...missing.flatMap(({ row }) => sqlOf(set, row, [...row.values.keys()])),
    ...outdated.flatMap(({ row, columns }) => sqlOf(set, row, [...set.set.key, ...columns])),
  ]);
  const sent = ({ row }: PlannedRow): SentRow => ({
    r: new Map(),
    v: new Map(
      [...row.values].flatMap(([column, value]) => {
        const json = value.kind === 'json' ? value.json : evaluated.get(`${row.place}.${column}`);
        return json === undefined ? [] : [[column, json] as const];
      }),
    ),
  });
  await session.script(asTheRole);
  const shapes = Map.groupBy(missing, ({ row }) =>
    JSON.stringify([...row.values.keys()].toSorted()),
  );
  for (const group of shapes.values()) {
    const columns = [...(group[0]?.row.values.keys() ?? [])];
    await session.query(insertSql(set, columns), [recordsJson(set, group.map(sent))]);
  }
  for (const group of Map.groupBy(outdated, ({ columns }) => columns.join()).values()) {
    const sql = updateSql(set, group[0]?.columns ?? []);
    await session.query(sql, [recordsJson(set, group.map(sent))]);
  }
  await session.script(asOurselves(session));
}

function sqlOf(set: BoundSet, { place, values }: PlannedRow['row'], columns: readonly string[]) {
  return columns.flatMap((column) => {
    const value = values.get(column);
    return value?.kind === 'sql'
      ? [{ place: `${place}.${column}`, sql: value.sql, ...typeOf(set, column) }]
      : [];
  });
}

/** @throws when a trigger did not create the rows that are its own */
function assertTriggered({ set, rows }: SetPlan): void {
  const missing = rows.filter(({ action }) => action === 'expected');
  if (missing.length === 0) return;
  throw new DbopsError({
    code: 'SEED.NO_PARENT',
    exitCode: exitCodes.failed,
    message: `No trigger created the rows of seeds.${set.set.name} in ${set.set.label}; nothing was changed.`,
    reason: missing.map(({ row }) => `missing: ${row.place}`),
    hint: 'Check the triggers of the schema: dbops verify. Without such a trigger, remove createdByTrigger.',
  });
}

/**
 * Proves in the same transaction that a second run would change nothing: a trigger may change a value that is
 * kept equal, and a row may lie outside the condition of a partial index.
 *
 * @throws usage error that names the rows and columns
 */
export async function proveRows(
  session: Session,
  plans: readonly SetPlan[],
  request: PlanRequest,
): Promise<void> {
  const again = await planRows(
    session,
    plans.map(({ set }) => set),
    request,
  );
  const repeated = again.flatMap(({ rows }, at) =>
    rows.filter(
      ({ action }, n) =>
        (action === 'insert' && plans[at]?.rows[n]?.action !== 'skipped') || action === 'update',
    ),
  );
  if (repeated.length === 0) return;
  throw usageError(
    'SEED.NOT_IDEMPOTENT',
    `A second run would write ${repeated.length} rows again; nothing was changed.`,
    'List the columns that the database changes itself in `once`, and let the rows meet the condition of the unique index.',
    repeated
      .slice(0, 10)
      .map(({ row, action, columns }) =>
        action === 'insert'
          ? `${row.place}: inserted, and not found by its key`
          : `${row.place}: ${columns.join(', ')} differs after it was written`,
      ),
  );
}
