import type { Session } from '../../db/session.ts';
import { queryDeclared } from '../../declared/run.ts';
import { prepareTyped } from '../../declared/types.ts';
import { noteCounts } from '../credits/balances.ts';
import type { WithEquals } from '../credits/declared.ts';
import { equalsExpressions, holderExpressions, ledgerExpressions } from '../credits/expressions.ts';
import { assertDistinct, findHolders, inexactNotes, typesWithId } from '../credits/holders.ts';
import { ofHolders } from '../credits/sql.ts';
import { reconcileSql } from './sql.ts';

/** A holder whose balance is not the sum of the settled ledger; figures as the server prints them. */
export interface Mismatch {
  /** `null` where `credits.holders` does not have the id. */
  holder: string | null;
  holderId: string;
  kind: string | null;
  /** `null` where there is no balance. */
  balance: string | null;
  ledger: string;
  /** Key of the first entry that is not in the balance, where that can be known. */
  firstEntry: string | null;
}

export interface ReconcileRead {
  mismatches: Mismatch[];
  /** Number of balances and ledgers that were compared. */
  compared: bigint;
  notes: string[];
}

interface Counts {
  compared: bigint;
  entriesWithoutHolder: bigint;
  entriesNull: bigint;
  entriesInfinite: bigint;
  balancesWithoutHolder: bigint;
  balancesNull: bigint;
  balancesInfinite: bigint;
  repeated: bigint;
}

type ReconcileRow = Counts & {
  id: string | null;
  name: string | null;
  kind: string | null;
  copies: bigint | null;
  balance: string | null;
  ledger: string | null;
  firstEntry: string | null;
};

/** Compares each balance with the sum of its ledger, in one statement. Call it inside `readOnly`. */
export async function readReconcile(
  session: Session,
  credits: WithEquals,
  holder?: string,
): Promise<ReconcileRead> {
  const types = await prepareTyped(session, [
    ...holderExpressions(credits),
    ...ledgerExpressions(credits),
    ...equalsExpressions(credits),
  ]);
  const ids = await findHolders(session, credits, holder, 'dbops report ledger');
  const filtered = (sql: string, place: string) =>
    ofHolders(sql, ids, typesWithId(types, place), '$1').sql;
  const { ledger, holders } = credits;
  const rows = await queryDeclared<ReconcileRow>(
    session,
    'credits.ledger',
    reconcileSql(credits, {
      types,
      filters: {
        holders: filtered(holders.id, 'credits.holders.id'),
        entries: filtered(ledger.holder, 'credits.ledger.holder'),
        balances: filtered(ledger.equals.holder ?? holders.id, 'credits.ledger.equals.holder'),
      },
    }),
    ids ? [ids] : [],
  );
  assertDistinct(rows.map(({ id, copies }) => ({ holder: id, copies })));
  return {
    mismatches: rows.flatMap(mismatchOf),
    compared: rows[0]?.compared ?? 0n,
    notes: [...notesOf(rows[0]), ...inexactNotes(types)],
  };
}

function mismatchOf({ id, name, kind, balance, ledger, firstEntry }: ReconcileRow): Mismatch[] {
  if (id === null || ledger === null) return [];
  return [{ holder: name, holderId: id, kind, balance, ledger, firstEntry }];
}

function notesOf(counts: Counts | undefined): string[] {
  if (!counts) return [];
  return noteCounts([
    [counts.entriesWithoutHolder, 'not compared, settled entries without a holder'],
    [counts.balancesWithoutHolder, 'not compared, balances without a holder'],
    [counts.entriesNull, 'settled entries whose amount is NULL, which adds nothing'],
    [counts.entriesInfinite, 'settled entries whose amount is NaN or infinite'],
    [counts.balancesNull, 'balances that are NULL'],
    [counts.balancesInfinite, 'balances that are NaN or infinite'],
    [counts.repeated, 'holders with several balances, which are added'],
  ]);
}
