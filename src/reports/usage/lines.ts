import { usageError } from '../../errors.ts';
import {
  compareDecimals,
  decimalPercent,
  decimalValue,
  multiplyDecimals,
  parseDecimal,
  type Decimal,
} from '../decimal.ts';
import { isLimitsTable, type UsageLimits, type Meter, type Usage } from './definition.ts';

export interface UsageSubject {
  id: string;
  name: string | null;
  slug: string | null;
  plan: string | null;
  /** Whether the subject has a billing period of its own; absent where none is declared. */
  hasBilling?: boolean;
}

/** A row of the table of limits. */
export interface LimitRow {
  plan: string | null;
  meter: string | null;
  value: string | null;
}

/** The figures of one subject and one meter. */
export interface Measured {
  /** A number as text; null where no row has one. */
  used: string | null;
  uncounted: bigint;
}

/** The rows that the statement returned. */
export interface UsageFacts {
  /** In display order. */
  subjects: UsageSubject[];
  limitRows: LimitRow[];
  /** By the name of the meter, then by the id of the subject. */
  measured: ReadonlyMap<string, ReadonlyMap<string, Measured>>;
  /** By the name of the meter: rows without a subject. */
  withoutSubject: ReadonlyMap<string, bigint>;
}

export const states = ['ok', 'warn', 'over', 'unlimited', 'no-limit-row'] as const;

export type UsageState = (typeof states)[number];

/** One subject and one meter. */
export type UsageLine = {
  subject: string;
  subjectId: string;
  /** Absent where none is declared. */
  slug?: string | null;
  plan: string | null;
  meter: string;
  label: string;
  unit?: string;
  /** In the unit of the limit; text where it is not a whole number. */
  used: bigint | string;
  /** -1 is unlimited, null is not configured. */
  limit: bigint | string | null;
  /** `used` as a percentage of `limit` with one decimal; null where no limit is positive. */
  percent: string | null;
  state: UsageState;
  /** Rows whose value is NULL or not a number; absent where rows are counted. */
  uncounted?: bigint;
};

type Limit = Decimal | 'unlimited' | undefined;

const zero: Decimal = { units: 0n, scale: 0 };

/** Returns a line for every subject and meter, also where nothing was used. */
export function linesOf(
  usage: Usage,
  meters: readonly [name: string, meter: Meter][],
  facts: UsageFacts,
): UsageLine[] {
  const limitOf = limitsOf(usage.limits, facts.limitRows);
  const warnAt = parseDecimal(String(usage.warnAt)) ?? zero;
  return facts.subjects.flatMap(({ id, name, slug, plan }) =>
    meters.map(([meter, { label = meter, unit, limit: limitName = meter, measure }]): UsageLine => {
      const { used, uncounted } = facts.measured.get(meter)?.get(id) ?? {
        used: '0',
        uncounted: 0n,
      };
      const figure = parseDecimal(used ?? '0') ?? zero;
      const limit = limitOf(plan, limitName);
      return {
        subject: name ?? id,
        subjectId: id,
        ...(usage.subjects.slug !== undefined && { slug }),
        plan,
        meter,
        label,
        ...(unit !== undefined && { unit }),
        used: decimalValue(figure),
        limit: shownLimit(limit),
        percent: typeof limit === 'object' ? decimalPercent(figure, limit) : null,
        state: stateOf(figure, limit, warnAt),
        ...(measure !== 'count' && { uncounted }),
      };
    }),
  );
}

function shownLimit(limit: Limit): UsageLine['limit'] {
  if (limit === 'unlimited') return -1n;
  return limit === undefined ? null : decimalValue(limit);
}

/** Returns the state of a figure. A limit of 0 allows nothing; undefined is not configured. */
export function stateOf(used: Decimal, limit: Limit, warnAt: Decimal): UsageState {
  if (limit === undefined) return 'no-limit-row';
  if (limit === 'unlimited') return 'unlimited';
  if (compareDecimals(used, limit) > 0) return 'over';
  const isPositive = compareDecimals(limit, zero) > 0;
  return isPositive && compareDecimals(used, multiplyDecimals(limit, warnAt)) >= 0 ? 'warn' : 'ok';
}

type LimitOf = (plan: string | null, meter: string) => Limit;

function limitsOf(limits: UsageLimits | undefined, rows: readonly LimitRow[]): LimitOf {
  if (!limits) return () => undefined;
  if (isLimitsTable(limits)) return limitsOfTable(limits, rows);
  return (plan, meter) => {
    const ofPlan = plan === null ? undefined : own(limits, plan);
    const value =
      (typeof ofPlan === 'object' ? own(ofPlan, meter) : undefined) ?? own(limits, meter);
    if (value === undefined || typeof value === 'object') return undefined;
    return value === 'unlimited' ? value : parseDecimal(String(value));
  };
}

/** A plan may have the name of a property that every object has, such as `constructor`. */
function own<T>(values: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

/** @throws usage error for two rows of one plan and meter, and for a value that is not a number */
function limitsOfTable(
  { plan: hasPlans, unlimited }: Extract<UsageLimits, { from: string; unlimited: number }>,
  rows: readonly LimitRow[],
): LimitOf {
  // Text of the server has no NUL.
  const keyOf = (plan: string | null, meter: string | null) =>
    `${plan === null ? '' : `=${plan}`}\0${meter ?? ''}`;
  const none = parseDecimal(String(unlimited)) ?? zero;
  const found = new Map<string, Limit>();
  for (const row of rows) {
    const key = keyOf(row.plan, row.meter);
    if (found.has(key)) throw twice(row);
    found.set(key, limitOfRow(row, none));
  }
  return (plan, meter) =>
    hasPlans === undefined
      ? found.get(keyOf(null, meter))
      : plan === null
        ? undefined
        : found.get(keyOf(plan, meter));
}

function limitOfRow({ plan, meter, value }: LimitRow, unlimited: Decimal): Limit {
  if (value === null) return undefined;
  if (value === 'Infinity') return 'unlimited';
  const limit = parseDecimal(value);
  if (limit) return compareDecimals(limit, unlimited) === 0 ? 'unlimited' : limit;
  throw usageError(
    'USAGE.LIMIT',
    `The limit ${describeLimit({ plan, meter })} is not a number: ${value}`,
    'Correct the row, or usage.limits.value in the configuration.',
  );
}

function twice({ plan, meter }: LimitRow) {
  return usageError(
    'USAGE.LIMIT_TWICE',
    `The table of limits has two rows ${describeLimit({ plan, meter })}.`,
    'Delete one of the rows and add a unique constraint, or choose one with usage.limits.where.',
  );
}

function describeLimit({ plan, meter }: Omit<LimitRow, 'value'>): string {
  return plan === null
    ? `for meter ${meter ?? 'NULL'}`
    : `for plan ${plan} and meter ${meter ?? 'NULL'}`;
}

export type UsageTotals = { subjects: number; lines: number } & Record<UsageState, number>;

/** Returns counts of lines: usage of different meters cannot be added up. */
export function totalsOf(subjects: number, lines: readonly UsageLine[]): UsageTotals {
  const totals = {
    subjects,
    lines: lines.length,
    ok: 0,
    warn: 0,
    over: 0,
    unlimited: 0,
    'no-limit-row': 0,
  };
  for (const { state } of lines) totals[state]++;
  return totals;
}
