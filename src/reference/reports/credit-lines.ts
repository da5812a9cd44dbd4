import type { Cell, Column } from '../../report.ts';
import { creditPeriod, daysBetween } from './credit-period.ts';
import { formatCount, percent } from '../../output/number.ts';

/** A current row of `credits` with its user. Credits are whole numbers. */
export interface CreditRow {
  email: string;
  userId: string;
  type: string;
  granted: number;
  used: number;
  allocation: number;
  resetDay: number;
  periodStart: Date;
  periodEnd: Date;
}

/** One user and one type of credits. */
export type CreditLine = {
  user: string;
  userId: string;
  type: string;
  granted: number;
  used: number;
  /** Negative when more was used than granted. */
  remaining: number;
  /** `used` as a percentage of `granted` with one decimal; `null` where nothing was granted. */
  percent: string | null;
  /** Credits that a reset grants. */
  allocation: number;
  /** The next reset by `reset_day_of_month`: midnight UTC. */
  reset: Date;
  daysLeft: number;
  state: 'ok' | 'over' | 'stale' | 'stale, over';
  /** The billing period ended by `asOf` and the row was not reset. */
  stale: boolean;
  over: boolean;
  periodStart: Date;
  periodEnd: Date;
};

/** Returns one line per row, in the same order. */
export function linesOf(rows: readonly CreditRow[], asOf: Date): CreditLine[] {
  return rows.map(({ email, userId, type, granted, used, allocation, resetDay, ...period }) => {
    const reset = creditPeriod(asOf, resetDay).to;
    const stale = period.periodEnd <= asOf;
    const over = used > granted;
    return {
      user: email,
      userId,
      type,
      granted,
      used,
      remaining: granted - used,
      percent: percent(BigInt(used), BigInt(granted)),
      allocation,
      reset,
      daysLeft: daysBetween(asOf, reset),
      state: stateOf(stale, over),
      stale,
      over,
      ...period,
    };
  });
}

function stateOf(stale: boolean, over: boolean): CreditLine['state'] {
  if (stale) return over ? 'stale, over' : 'stale';
  return over ? 'over' : 'ok';
}

export type CreditTotals = Record<'rows' | 'stale' | 'over', number> &
  Record<'granted' | 'used' | 'remaining', bigint>;

/** Returns the sums over all lines. */
export function totalsOf(lines: readonly CreditLine[]): CreditTotals {
  const sum = (key: 'granted' | 'used' | 'remaining') =>
    lines.reduce((total, line) => total + BigInt(line[key]), 0n);
  return {
    rows: lines.length,
    granted: sum('granted'),
    used: sum('used'),
    remaining: sum('remaining'),
    stale: lines.filter(({ stale }) => stale).length,
    over: lines.filter(({ over }) => over).length,
  };
}

/** Returns `rows: 3 (14,000 granted, 5,500 used, 8,500 left; 1 stale, 0 over)`. */
export function describeTotals(totals: CreditTotals): string {
  const sums = (['granted', 'used'] as const).map((key) => `${formatCount(totals[key])} ${key}`);
  const left = `${formatCount(totals.remaining)} left`;
  const states = `${formatCount(totals.stale)} stale, ${formatCount(totals.over)} over`;
  return `rows: ${formatCount(totals.rows)} (${[...sums, left].join(', ')}; ${states})`;
}

export const legend = [
  'total, used: credits of the current row; left: total - used; %: used of total',
  'alloc: credits granted by a reset; reset: date of the next one, midnight UTC',
  'in: whole days until the reset; a shorter month resets on its last day',
  'stale: the billing period ended without a reset; over: more used than granted',
];

function monthAndDay(reset: Cell): string {
  return reset instanceof Date ? reset.toISOString().slice(5, 10) : '–';
}

/** The columns of the table, with labels short enough for 80 columns. */
export const columns: Column[] = [
  { key: 'user', label: 'user' },
  { key: 'type', label: 'type' },
  { key: 'granted', label: 'total', align: 'right' },
  { key: 'used', label: 'used', align: 'right' },
  {
    key: 'remaining',
    label: 'left',
    align: 'right',
    tone: (_value, { over }) => (over ? 'bad' : undefined),
  },
  { key: 'percent', label: '%', align: 'right' },
  { key: 'allocation', label: 'alloc', align: 'right' },
  { key: 'reset', label: 'reset', format: monthAndDay },
  { key: 'daysLeft', label: 'in', align: 'right', format: (value) => `${String(value)}d` },
  { key: 'state', label: 'state', tone: (value) => (value === 'ok' ? 'good' : 'warn') },
];
