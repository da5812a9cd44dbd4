import type { Session } from '../../db/session.ts';
import { exitCodes } from '../../errors.ts';
import { formatCount, formatCountOf } from '../../output/number.ts';
import { text, type Cell, type Row } from '../../report.ts';
import type { WithEquals } from '../credits/declared.ts';
import { figure } from '../credits/report.ts';
import { subtract } from '../credits/figures.ts';
import { decimalValue, parseDecimal } from '../decimal.ts';
import type { FigureRow, Figures } from '../definition.ts';
import { readReconcile, type Mismatch } from './read.ts';

/**
 * Returns every holder whose balance is not the sum of the settled ledger; exit code 4 when there is one.
 * Call it inside `readOnly`.
 */
export async function reconcileFigures(
  session: Session,
  credits: WithEquals,
  { holder }: { holder?: string | undefined },
): Promise<Omit<Figures, 'period'>> {
  const { mismatches, compared, notes } = await readReconcile(session, credits, holder);
  const hasKinds = credits.ledger.equals.kind !== undefined;
  const { table, column } = credits.ledger.equals;
  const differ = mismatches.length;
  return {
    title: 'Balances that differ from the ledger',
    heading: 'Balances that differ from the ledger',
    columns: [
      { key: 'holder', label: 'holder', format: nameOf },
      ...(hasKinds ? [{ key: 'kind', label: 'kind' }] : []),
      figure('balance', 'balance'),
      figure('ledger', 'ledger'),
      figure('difference', 'difference'),
      { key: 'firstEntry', label: 'first entry' },
    ],
    rows: linesOf(mismatches, hasKinds),
    totals: { rows: differ, compared },
    legend: [
      `balance: ${column} of ${table}; ledger: sum of the settled entries; difference: balance - ledger`,
      'first entry: the entries before it add up to the balance, as if it and those after it were not applied; the last such entry, and none where no sum of first entries is the balance',
    ],
    notes,
    exitCode: differ > 0 ? exitCodes.findings : exitCodes.done,
    summary: [
      differ > 0
        ? text(
            `${formatCountOf(compared, 'balance')} compared, ${formatCount(differ)} differ`,
            'bad',
          )
        : text(`✓ ${formatCountOf(compared, 'balance')} compared, all equal the ledger`, 'good'),
    ],
  };
}

function nameOf(holder: Cell, { holderId }: Row): string {
  return typeof holder === 'string' ? holder : `${String(holderId)} (no such holder)`;
}

function linesOf(mismatches: readonly Mismatch[], hasKinds: boolean): FigureRow[] {
  const written = (figureText: string | null) => {
    const number = numberOf(figureText);
    return number ? decimalValue(number) : figureText;
  };
  return mismatches.map(({ holder, holderId, kind, balance, ledger, firstEntry }) => {
    const [left, right] = [numberOf(balance ?? '0'), numberOf(ledger)];
    return {
      holder,
      holderId,
      ...(hasKinds && { kind }),
      balance: written(balance),
      ledger: written(ledger),
      difference: left && right ? decimalValue(subtract(left, right)) : null,
      ...(firstEntry !== null && { firstEntry }),
    };
  });
}

/** Of NaN, the infinities and NULL, nothing. */
function numberOf(figureText: string | null) {
  return figureText === null ? null : (parseDecimal(figureText) ?? null);
}
