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
  columns: LimitColumns;
  /** Whether it has no rows, as far as the role may know. */
  isEmpty: boolean;
}

type LimitColumns = Record<'plan' | 'meter' | 'value', ColumnFacts>;

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
  'max',
  'maximum',
  'ceiling',
  'cap',
  'allowance',
];

/** Returns `usage.limits` where a table has a plan, a name and a number, and refers to no subject. */
export async function findLimits(
  session: Session,
  tables: readonly TableFacts[],
  { referring }: Subjects,
): Promise<PlanLimits | undefined> {
  for (const table of tables.filter(({ key }) => !referring.has(key))) {
    const plan = columnNamed(table, planNames, ['text', 'enum', 'uuid']);
    const meter = columnNamed(table, meterNames, ['text', 'enum']) ?? besideInKey(table, plan);
    const value = columnNamed(table, valueNames, ['number', 'json']) ?? onlyNumber(table);
    if (!plan || !meter || !value || plan === meter) continue;
    const columns = { plan, meter, value };
    return { table, columns, ...(await limitsOf(session, table, columns)) };
  }
  return undefined;
}

/** Returns the column that with the plan identifies a row. */
function besideInKey(table: TableFacts, plan: ColumnFacts | undefined): ColumnFacts | undefined {
  const key = table.unique.find((names) => names.length === 2 && plan && names.includes(plan.name));
  return table.columns.find(
    (column) =>
      key?.includes(column.name) && column !== plan && ['text', 'enum'].includes(column.kind),
  );
}

function onlyNumber({ columns, primaryKey }: TableFacts): ColumnFacts | undefined {
  const numbers = columns.filter(
    ({ kind, name, references }) => kind === 'number' && !references && !primaryKey.includes(name),
  );
  return numbers.length === 1 ? numbers[0] : undefined;
}

async function limitsOf(
  session: Session,
  table: TableFacts,
  { plan, meter, value }: LimitColumns,
): Promise<Omit<PlanLimits, 'table' | 'columns'>> {
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
    isEmpty: isReadable && rows.length === 0,
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

/** Invented, and written so that nobody takes them for those of a product. */
const exampleLimits = { free: 100, pro: 10_000 };

/** Returns the seed of a table of limits that has no rows yet: a number for each plan and meter, to be corrected. */
export function proposeLimitRows(
  { table, columns, isEmpty }: PlanLimits,
  meters: readonly string[],
): Reasoned | undefined {
  const { plan, meter, value } = columns;
  const others = table.columns.filter((column) => !Object.values(columns).includes(column));
  const isWritable =
    value.kind === 'number' &&
    meter.kind === 'text' &&
    ['text', 'enum'].includes(plan.kind) &&
    others.every(({ notNull, isFilled }) => !notNull || isFilled);
  const key = table.unique.find(
    (names) => names.length === 2 && names.includes(plan.name) && names.includes(meter.name),
  );
  if (!isEmpty || !isWritable || !key || meter.labels.length > 0) return undefined;
  const rows = Object.entries(exampleLimits)
    .filter(([name]) => plan.labels.length === 0 || plan.labels.includes(name))
    .flatMap(([name, limit]) =>
      meters.map((each) => ({ [plan.name]: name, [meter.name]: each, [value.name]: limit })),
    );
  if (rows.length === 0) return undefined;
  return because(`${table.name} has no rows: enter the limits of your plans in place of these`, {
    table: table.sql,
    key,
    rows,
  });
}
