import type { Session } from '../../db/session.ts';
import type { Finding } from '../../report.ts';
import { findEquals } from '../credits/declared.ts';
import type { Credits } from '../credits/definition.ts';
import { formatFigure } from '../decimal.ts';
import { readReconcile, type Mismatch } from './read.ts';

/**
 * Returns a finding for every holder whose balance is not the sum of the settled ledger; none where
 * `credits.ledger.equals` is not declared. Call it inside `readOnly`.
 */
export async function reconcileFindings(session: Session, credits: Credits): Promise<Finding[]> {
  const declared = findEquals(credits);
  if (!declared) return [];
  const { mismatches } = await readReconcile(session, declared);
  return mismatches.map((mismatch) => findingOf(mismatch, declared.ledger.equals.table));
}

function findingOf(
  { holder, holderId, kind, balance, ledger, firstEntry }: Mismatch,
  object: string,
): Finding {
  const whose = `${holder ?? holderId}${kind === null ? '' : ` (${kind})`}`;
  const is = balance === null ? 'missing' : formatFigure(balance);
  const from =
    firstEntry === null ? '' : ` The entries before ${firstEntry} add up to the balance.`;
  return {
    code: 'reconcile',
    severity: 'error',
    message: `The balance of ${whose} is ${is}; its ledger adds up to ${formatFigure(ledger)}.${from}`,
    help: 'Correct the balance or the ledger; both figures: dbops report reconcile',
    where: { object },
    key: `reconcile:${holderId}${kind === null ? '' : `/${kind}`}`,
  };
}
