import type { Session } from '../../db/session.ts';
import { quoteLiteral, quoteName } from '../../db/quote.ts';
import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type Reasoned } from './entry.ts';
import type { Subjects } from './subjects.ts';
import { columnNamed } from './words.ts';

/** The table with the limits of the plans. */
export interface PlanLimits {
  table: TableFacts;
  proposal: Reasoned;
  /** The limits that its rows name; empty where it has no rows yet. */
  names: string[];
}

const planNames = ['plan', 'tier', 'plan tier', 'plan name', 'plan key', 'plan id'];
const meterNames = [
  'feature key',
  'feature',
  'meter',
  'quota',
  'metric',
  'key',
  'limit key',
  'name',
];
const valueNames = [
  'limit value',
  'limit',
  'amount',
  'max',
  'max value',
  'value',
  'quota',
  'feature value',
  'included',
];

/** Returns `usage.limits` where a table has a plan, a name and a number, and refers to no subject. */
export async function findLimits(
  session: Session,
  tables: readonly TableFacts[],
  { referring }: Subjects,
): Promise<PlanLimits | undefined> {
  for (const table of tables.filter(({ key }) => !referring.has(key))) {
    const plan = columnNamed(table, planNames, ['text', 'enum', 'uuid']);
    const meter = columnNamed(table, meterNames, ['text', 'enum']);
    const value = columnNamed(table, valueNames, ['number', 'json']);
    if (!plan || !meter || !value || plan === meter) continue;
    return { table, ...(await limitsOf(session, table, { plan, meter, value })) };
  }
  return undefined;
}

async function limitsOf(
  session: Session,
  table: TableFacts,
  { plan, meter, value }: Record<'plan' | 'meter' | 'value', ColumnFacts>,
): Promise<Omit<PlanLimits, 'table'>> {
  const isReadable = await mayRead(session, table);
  const key =
    isReadable && value.kind === 'json' ? await numericKey(session, table, value) : undefined;
  const number = key === undefined ? value.sql : `(${value.sql} ->> ${quoteLiteral(key)})::numeric`;
  const where = key === undefined ? undefined : `${value.sql} ->> ${quoteLiteral(key)} is not null`;
  const rows = isReadable
    ? await session.query<{ name: string }>(
        `SELECT DISTINCT ${meter.sql}::text AS name FROM ${quoteName(table)}
          WHERE ${where ?? `${value.sql} IS NOT NULL`} ORDER BY 1 LIMIT 100`,
      )
    : [];
  const reason = `${table.name}: a number for each ${plan.name} and ${meter.name}`;
  return {
    names: rows.map(({ name }) => name),
    proposal: because(reason, {
      from: table.sql,
      plan: plan.kind === 'enum' ? `${plan.sql}::text` : plan.sql,
      meter: meter.kind === 'enum' ? `${meter.sql}::text` : meter.sql,
      value: number,
      where,
      unlimited: -1,
    }),
  };
}

/** The member of JSON objects that is a number in most rows. */
async function numericKey(session: Session, table: TableFacts, value: ColumnFacts) {
  const [row] = await session.query<{ key: string }>(
    `SELECT e.key FROM ${quoteName(table)}, jsonb_each(CASE WHEN jsonb_typeof(${value.sql}::jsonb) = 'object' THEN ${value.sql}::jsonb ELSE '{}' END) e
      WHERE jsonb_typeof(e.value) = 'number' GROUP BY e.key ORDER BY count(*) DESC, e.key LIMIT 1`,
  );
  return row?.key;
}

/** A role that may not read the rows can still be shown the columns. */
async function mayRead(session: Session, table: TableFacts): Promise<boolean> {
  const [row] = await session.query<{ ok: boolean }>(
    `SELECT CASE WHEN has_schema_privilege($1, 'USAGE') THEN has_table_privilege($2, 'SELECT') ELSE false END AS ok`,
    [table.schema, quoteName(table)],
  );
  return row?.ok === true;
}
