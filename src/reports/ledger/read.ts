import type { Session } from '../../db/session.ts';
import { queryDeclared } from '../../declared/run.ts';
import { prepareTyped } from '../../declared/types.ts';
import { usageError } from '../../errors.ts';
import { noteCounts } from '../credits/balances.ts';
import type { WithLedger } from '../credits/declared.ts';
import { holderExpressions, ledgerExpressions } from '../credits/expressions.ts';
import {
  assertDistinct,
  findHolders,
  holderFilter,
  inexactNotes,
  typesWithId,
  type Types,
} from '../credits/holders.ts';
import {
  asKey,
  asSummable,
  asText,
  asTime,
  condition,
  equal,
  holdersSql,
  isFinite,
  isInteger,
  ofHolders,
} from '../credits/sql.ts';
import { subtract, zero } from '../credits/figures.ts';
import { parseDecimal, type Decimal } from '../decimal.ts';
import type { Period } from '../period.ts';

export interface LedgerRequest {
  /** Entries of the period are listed, those before it are the opening. */
  period: Period;
  /** Entries from this time on are not counted. */
  until?: Date | undefined;
  holder?: string | undefined;
  /** The entries that are not settled, in place of the others. */
  unsettled?: boolean;
}

/** The entries of one holder, and of one kind where it is declared. */
export interface LedgerAccount {
  holder: string;
  holderId: string;
  kind: string | null;
  opening: Decimal;
  in: Decimal;
  /** What was taken out, as a positive number. */
  out: Decimal;
  /** Number of entries in the period. */
  entries: bigint;
}

export interface LedgerRead {
  accounts: LedgerAccount[];
  notes: string[];
}

interface LedgerRow {
  holder: string | null;
  name: string | null;
  listed: boolean | null;
  copies: bigint | null;
  kind: string | null;
  opening: string;
  in: string;
  /** Without a sign change: 0 or negative. */
  out: string;
  entries: bigint;
  counted: bigint;
  timeless: bigint;
  missing: bigint;
  infinite: bigint;
  rows: bigint;
}

/** Reads the ledger by holder and kind, sorted by their names. Call it inside `readOnly`. */
export async function readLedger(
  session: Session,
  credits: WithLedger,
  { period, until = period.to, holder, unsettled = false }: LedgerRequest,
): Promise<LedgerRead> {
  if (unsettled && credits.ledger.settled === undefined) throw everythingIsSettled();
  const types = await prepareTyped(session, [
    ...holderExpressions(credits),
    ...ledgerExpressions(credits),
  ]);
  const ids = await findHolders(session, credits, holder, 'dbops report ledger');
  const filter = ofHolders(
    credits.ledger.holder,
    ids,
    typesWithId(types, 'credits.ledger.holder'),
    '$3',
  );
  const [from, to] = [earlier(period.from, until), earlier(period.to, until)];
  const rows = await queryDeclared<LedgerRow>(
    session,
    'credits.ledger',
    ledgerSql(credits, {
      types,
      isSettled: !unsettled,
      ofHolder: holderFilter(types, credits, ids, '$3'),
      ofEntry: filter.sql,
    }),
    [from.toISOString(), to.toISOString(), ...filter.values],
  );
  assertDistinct(rows);
  const shown = rows.filter(({ listed }) => listed === true);
  return {
    accounts: shown.filter(({ counted }) => counted > 0n).flatMap(accountOf),
    notes: [...notesOf(rows, shown), ...inexactNotes(types)],
  };
}

interface LedgerParts {
  types: Types;
  isSettled: boolean;
  /** Conditions on the rows of the holders and of the ledger. */
  ofHolder: string;
  ofEntry: string;
}

function ledgerSql(
  credits: WithLedger,
  { types, isSettled, ofHolder, ofEntry }: LedgerParts,
): string {
  const { from, holder, kind, at, amount, where, settled } = credits.ledger;
  const type = types.get('credits.ledger.amount');
  const isCounted = `at IS NOT NULL AND ${isInteger(type) ? 'amount IS NOT NULL' : isFinite('amount')}`;
  const within = `${isCounted} AND at OPERATOR(pg_catalog.>=) $1`;
  const sum = (which: string) =>
    `CAST(coalesce(pg_catalog.sum(amount) FILTER (WHERE ${which}), 0) AS pg_catalog.text)`;
  const count = (which: string) => `pg_catalog.count(*) FILTER (WHERE ${which})`;
  return `WITH dbops_holders AS (${holdersSql(credits, ofHolder)}), dbops_sums AS (
  SELECT CAST(holder AS pg_catalog.text) COLLATE pg_catalog."C" AS holder, kind, pg_catalog.count(*) AS rows,
         ${count(isCounted)} AS counted, ${count(within)} AS entries,
         ${sum(`${isCounted} AND at OPERATOR(pg_catalog.<) CAST($1 AS pg_catalog.timestamptz)`)} AS opening,
         ${sum(`${within} AND amount OPERATOR(pg_catalog.>) 0`)} AS "in",
         ${sum(`${within} AND amount OPERATOR(pg_catalog.<) 0`)} AS out,
         ${count('at IS NULL')} AS timeless, ${count('at IS NOT NULL AND amount IS NULL')} AS missing,
         ${isInteger(type) ? '0::pg_catalog.int8' : count(`at IS NOT NULL AND NOT ${isFinite('amount')}`)} AS infinite
    FROM (SELECT ${asKey(holder, types.get('credits.ledger.holder'))} AS holder, ${asText(kind)} AS kind,
                 ${asTime(at)} AS at, ${asSummable(amount, type)} AS amount
            FROM ${from}\n           WHERE ${condition(where)} AND ${condition(settled)} IS ${isSettled ? 'TRUE' : 'NOT TRUE'}
             AND ${ofEntry} AND (${asTime(at)} OPERATOR(pg_catalog.>=) CAST($2 AS pg_catalog.timestamptz)) IS NOT TRUE
         ) AS entries
   GROUP BY holder, kind)
SELECT s.*, coalesce(h.name, h.id) AS name, h.listed, h.copies
  FROM dbops_sums s LEFT JOIN dbops_holders h ON ${equal('h.id', 's.holder')}
 ORDER BY coalesce(h.name, h.id), s.kind, s.holder`;
}

function accountOf(row: LedgerRow): LedgerAccount[] {
  if (row.holder === null) return [];
  const sumOf = (text: string) => parseDecimal(text) ?? zero;
  return [
    {
      holder: row.name ?? row.holder,
      holderId: row.holder,
      kind: row.kind,
      opening: sumOf(row.opening),
      in: sumOf(row.in),
      out: subtract(zero, sumOf(row.out)),
      entries: row.entries,
    },
  ];
}

function notesOf(rows: readonly LedgerRow[], shown: readonly LedgerRow[]): string[] {
  const total = (key: 'timeless' | 'missing' | 'infinite' | 'rows', of: readonly LedgerRow[]) =>
    of.reduce((sum, row) => sum + row[key], 0n);
  const nobodys = rows.filter(({ holder }) => holder === null);
  const strangers = rows.filter(({ holder, listed }) => holder !== null && listed === null);
  return noteCounts([
    [total('rows', nobodys), 'not counted, entries without a holder'],
    [
      total('rows', strangers),
      'not counted, entries of holders that credits.holders does not have',
    ],
    [total('timeless', shown), 'not counted, entries without a time'],
    [total('missing', shown), 'not counted, entries whose amount is NULL'],
    [total('infinite', shown), 'not counted, entries whose amount is NaN or infinite'],
  ]);
}

function earlier(left: Date, right: Date): Date {
  return left < right ? left : right;
}

function everythingIsSettled() {
  return usageError(
    'LEDGER.SETTLED',
    'credits.ledger.settled is not declared: every entry is settled.',
    'Declare which entries count, such as settled: "status = \'completed\'", or omit --unsettled',
  );
}
