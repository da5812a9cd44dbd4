import type { Session } from '../../db/session.ts';
import { formatCount, formatCountOf } from '../../output/number.ts';
import { text } from '../../report.ts';
import type { WithLedger } from '../credits/declared.ts';
import { figure } from '../credits/report.ts';
import { add, subtract, sumOf } from '../credits/figures.ts';
import { decimalValue, formatFigure } from '../decimal.ts';
import type { FigureRow, Figures } from '../definition.ts';
import { describePeriod } from '../period.ts';
import { readLedger, type LedgerAccount, type LedgerRequest } from './read.ts';

/** Returns opening, in, out and closing of every holder that has entries. Call it inside `readOnly`. */
export async function ledgerFigures(
  session: Session,
  credits: WithLedger,
  request: LedgerRequest,
): Promise<Figures> {
  const { accounts, notes } = await readLedger(session, credits, request);
  const { period, until, unsettled = false } = request;
  const hasKinds = credits.ledger.kind !== undefined;
  const title = unsettled ? 'Ledger, entries that are not settled' : 'Ledger';
  const isCut = until !== undefined && until < period.to;
  const totals = totalsOf(accounts, hasKinds);
  return {
    title,
    heading: `${title}, ${describePeriod(period)}${isCut ? `, before ${until.toISOString()}` : ''}`,
    period,
    columns: [
      { key: 'holder', label: 'holder' },
      ...(hasKinds ? [{ key: 'kind', label: 'kind' }] : []),
      figure('opening', 'opening'),
      figure('in', 'in'),
      figure('out', 'out'),
      figure('closing', 'closing'),
      figure('entries', 'entries'),
    ],
    rows: linesOf(accounts, hasKinds),
    totals,
    legend: legendOf(unsettled),
    notes,
    summary: [text(describeTotals(totals))],
  };
}

function linesOf(accounts: readonly LedgerAccount[], hasKinds: boolean): FigureRow[] {
  return accounts.map(({ holder, holderId, kind, entries, ...account }) => ({
    holder,
    holderId,
    ...(hasKinds && { kind }),
    opening: decimalValue(account.opening),
    in: decimalValue(account.in),
    out: decimalValue(account.out),
    closing: decimalValue(closingOf(account)),
    entries,
  }));
}

type Movement = Pick<LedgerAccount, 'opening' | 'in' | 'out'>;

function closingOf(movement: Movement) {
  return subtract(add(movement.opening, movement.in), movement.out);
}

/** Figures of different kinds, such as currencies, have no sum. */
function totalsOf(accounts: readonly LedgerAccount[], hasKinds: boolean): FigureRow {
  const counts = {
    rows: accounts.length,
    entries: accounts.reduce((sum, { entries }) => sum + entries, 0n),
  };
  if (hasKinds) return counts;
  const sums = {
    opening: sumOf(accounts.map(({ opening }) => opening)),
    in: sumOf(accounts.map((account) => account.in)),
    out: sumOf(accounts.map(({ out }) => out)),
  };
  return {
    ...counts,
    opening: decimalValue(sums.opening),
    in: decimalValue(sums.in),
    out: decimalValue(sums.out),
    closing: decimalValue(closingOf(sums)),
  };
}

/** Returns `rows: 2 (3 entries; opening 7, in 26, out 0, closing 33)`. */
function describeTotals(totals: FigureRow): string {
  const sums = (['opening', 'in', 'out', 'closing'] as const).flatMap((key) =>
    totals[key] === undefined ? [] : [`${key} ${formatFigure(totals[key])}`],
  );
  const entries = formatCountOf(BigInt(String(totals['entries'])), 'entry', 'entries');
  const parts = sums.length > 0 ? `${entries}; ${sums.join(', ')}` : entries;
  return `rows: ${formatCount(Number(totals['rows']))} (${parts})`;
}

function legendOf(unsettled: boolean): string[] {
  return [
    unsettled
      ? 'entries that are not settled, by credits.ledger.settled'
      : 'settled entries; --unsettled lists the others',
    'opening: sum of the entries before the period',
    'in, out: sums of the positive and the negative entries in the period',
    'closing: opening + in - out; entries: number of entries in the period',
  ];
}
