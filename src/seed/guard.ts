import type { Session } from '../db/session.ts';
import { formatCountOf } from '../output/number.ts';
import type { SetPlan } from './plan.ts';
import { sqlName } from './rows-sql.ts';
import type { BoundScale } from './scale.ts';

/** Rows of a table that no seed wrote. */
export interface OthersRows {
  table: string;
  /** At least this number. */
  rows: number;
}

/** An unlabelled database that was never seeded holds rows in the seeded tables. */
export class LooksUsed extends Error {
  readonly found: readonly OthersRows[];
  constructor(found: readonly OthersRows[]) {
    const [first] = found;
    super(
      first
        ? `${first.table} holds ${formatCountOf(first.rows, 'row')} that no seed wrote`
        : 'the database holds rows',
    );
    this.found = found;
  }
}

const most = 1_000;

/** @throws LooksUsed for rows of the tables that are not declared */
export async function assertUnused(
  session: Session,
  plans: readonly SetPlan[],
  scales: readonly BoundScale[],
): Promise<void> {
  const declared = new Map<string, { label: string; rows: number }>();
  for (const { table, label } of scales) declared.set(sqlName(table), { label, rows: 0 });
  for (const { set, rows } of plans) {
    const name = sqlName(set.table);
    const found = rows.filter(({ action }) => action === 'unchanged' || action === 'update').length;
    const known = declared.get(name)?.rows ?? 0;
    declared.set(name, { label: set.set.label, rows: known + found });
  }
  const queries = [...declared].map(
    ([name, { rows }], at) =>
      `SELECT ${at} AS n, count(*)::int - ${rows} AS rows FROM (SELECT FROM ${name} LIMIT ${rows + most}) t`,
  );
  if (queries.length === 0) return;
  const counted = await session.query<{ n: number; rows: number }>(queries.join(' UNION ALL '));
  const labels = [...declared.values()].map(({ label }) => label);
  const others = counted
    .filter(({ rows }) => rows > 0)
    .map(({ n, rows }) => ({ table: labels[n] ?? '', rows }));
  if (others.length > 0) throw new LooksUsed(others);
}
