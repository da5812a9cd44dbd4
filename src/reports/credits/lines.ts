import { formatCount } from '../../output/number.ts';
import type { FigureRow } from '../definition.ts';
import { compareDecimals, decimalPercent, decimalValue, formatFigure } from '../decimal.ts';
import type { Balance } from './balances.ts';
import { subtract, sumOf } from './figures.ts';
import { creditPeriod, daysBetween } from './period.ts';

/** One holder and one kind of credits. */
export interface CreditLine extends FigureRow {
  holder: string;
  holderId: string;
  /** `null` where there is one kind. */
  kind: string | null;
  granted: bigint | string;
  used: bigint | string;
  /** Negative when more was used than granted. */
  remaining: bigint | string;
  /** `used` as a percentage of `granted` with one decimal; `null` where nothing was granted. */
  percent: string | null;
  state: 'ok' | 'over' | 'stale' | 'stale, over';
  /** The period ended by `asOf` and the row was not reset. */
  stale: boolean;
  over: boolean;
}

/** Returns one line per balance, in the same order. */
export function linesOf(balances: readonly Balance[], asOf: Date): CreditLine[] {
  return balances.map(({ granted, used, allocation, resetDay, stale, ...rest }) => {
    const over = compareDecimals(used, granted) > 0;
    const { periodStart, periodEnd, ...who } = rest;
    return {
      ...who,
      granted: decimalValue(granted),
      used: decimalValue(used),
      remaining: decimalValue(subtract(granted, used)),
      percent: decimalPercent(used, granted),
      ...(allocation !== undefined && { allocation: allocation && decimalValue(allocation) }),
      ...(resetDay !== undefined && resetOf(asOf, resetDay)),
      state: stateOf(stale, over),
      stale,
      over,
      ...(periodStart !== undefined && { periodStart }),
      ...(periodEnd !== undefined && { periodEnd }),
    };
  });
}

/** The next reset, at midnight UTC, and the whole days until then. */
function resetOf(asOf: Date, resetDay: number | null) {
  if (resetDay === null) return { reset: null, daysLeft: null };
  const reset = creditPeriod(asOf, resetDay).to;
  return { reset, daysLeft: daysBetween(asOf, reset) };
}

function stateOf(stale: boolean, over: boolean): CreditLine['state'] {
  if (stale) return over ? 'stale, over' : 'stale';
  return over ? 'over' : 'ok';
}

export type CreditTotals = Record<'rows' | 'stale' | 'over', number> &
  Record<'granted' | 'used' | 'remaining', bigint | string>;

/** Returns the sums over all balances, and the number of lines in each state. */
export function totalsOf(balances: readonly Balance[], lines: readonly CreditLine[]): CreditTotals {
  const granted = sumOf(balances.map((balance) => balance.granted));
  const used = sumOf(balances.map((balance) => balance.used));
  return {
    rows: lines.length,
    granted: decimalValue(granted),
    used: decimalValue(used),
    remaining: decimalValue(subtract(granted, used)),
    stale: lines.filter(({ stale }) => stale).length,
    over: lines.filter(({ over }) => over).length,
  };
}

/** Returns `rows: 3 (14,000 granted, 5,500 used, 8,500 left; 1 stale, 0 over)`. */
export function describeTotals(totals: CreditTotals): string {
  const sums = (['granted', 'used'] as const).map((key) => `${formatFigure(totals[key])} ${key}`);
  const left = `${formatFigure(totals.remaining)} left`;
  const states = `${formatCount(totals.stale)} stale, ${formatCount(totals.over)} over`;
  return `rows: ${formatCount(totals.rows)} (${[...sums, left].join(', ')}; ${states})`;
}
