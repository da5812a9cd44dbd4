import { percentBars } from '../../chart.ts';
import type { Session } from '../../db/session.ts';
import { exitCodes } from '../../errors.ts';
import { text, type Cell, type Column } from '../../report.ts';
import { formatFigure } from '../decimal.ts';
import type { Figures, ReportRequest } from '../definition.ts';
import { monthAround } from '../period.ts';
import { readBalances } from './balances.ts';
import type { Balances, Credits } from './definition.ts';
import { describeTotals, linesOf, totalsOf } from './lines.ts';

export interface CreditsRequest extends ReportRequest {
  /** The name in any case, or the id. Default: every holder. */
  holder?: string | undefined;
  /** Return exit code 4 when a row has one of these states. */
  failOn?: readonly ('over' | 'stale')[];
}

/** Returns the balances of every holder and kind, with the next reset. Call it inside `readOnly`. */
export async function creditsFigures(
  session: Session,
  credits: Credits & { balances: Balances },
  { asOf, holder, failOn = [] }: CreditsRequest,
): Promise<Figures> {
  const { balances, notes } = await readBalances(session, credits, { asOf, holder });
  const rows = linesOf(balances, asOf);
  const totals = totalsOf(balances, rows);
  return {
    title: 'Credits',
    heading: `Credits as of ${asOf.toISOString()}`,
    // Each row also has its own period; this is the month that the report describes.
    period: monthAround(asOf),
    columns: columnsOf(credits.balances),
    chart: percentBars(
      'Used, in percent of what was granted; the highest first',
      rows,
      ({ holder: name, kind, state }) => ({
        label: [name, kind].filter(Boolean).join(' · '),
        tone: state === 'ok' ? 'good' : 'warn',
      }),
    ),
    rows,
    totals,
    legend: legendOf(credits.balances),
    notes,
    exitCode: failOn.some((state) => totals[state] > 0) ? exitCodes.findings : exitCodes.done,
    summary: [text(describeTotals(totals), totals.stale + totals.over > 0 ? 'warn' : undefined)],
  };
}

function legendOf({ allocation, resetDay, periodEnd }: Balances): string[] {
  return [
    'total, used: credits granted and used; left: total - used; %: used of total',
    ...(allocation ? ['alloc: credits granted by a reset'] : []),
    ...(resetDay
      ? [
          'reset: date of the next one, midnight UTC; a shorter month resets on its last day',
          'in: whole days until the reset',
        ]
      : []),
    ...(periodEnd ? ['stale: the period ended without a reset'] : []),
    'over: more used than granted',
  ];
}

/** Returns the columns of what is declared, with labels short enough for 80 columns. */
function columnsOf({ kind, allocation, resetDay }: Balances): Column[] {
  return [
    { key: 'holder', label: 'holder' },
    ...(kind ? [{ key: 'kind', label: 'kind' }] : []),
    figure('granted', 'total'),
    figure('used', 'used'),
    {
      ...figure('remaining', 'left'),
      tone: (_value, { over }) => (over ? 'bad' : undefined),
    },
    { key: 'percent', label: '%', align: 'right' },
    ...(allocation ? [figure('allocation', 'alloc')] : []),
    ...(resetDay ? resetColumns : []),
    { key: 'state', label: 'state', tone: (value) => (value === 'ok' ? 'good' : 'warn') },
  ];
}

/** A column of figures. */
export function figure(key: string, label: string): Column {
  return { key, label, align: 'right', format: formatFigure };
}

const resetColumns: Column[] = [
  { key: 'reset', label: 'reset', format: monthAndDay },
  {
    key: 'daysLeft',
    label: 'in',
    align: 'right',
    format: (value) => (value === null ? '–' : `${String(value)}d`),
  },
];

function monthAndDay(reset: Cell): string {
  return reset instanceof Date ? reset.toISOString().slice(5, 10) : '–';
}
