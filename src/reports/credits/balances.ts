import type { Session } from '../../db/session.ts';
import { queryDeclared } from '../../declared/run.ts';
import { prepareTyped } from '../../declared/types.ts';
import { parseDecimal, type Decimal } from '../decimal.ts';
import type { Balances, Credits } from './definition.ts';
import { balanceExpressions, holderExpressions } from './expressions.ts';
import { assertDistinct, findHolders, holderFilter, inexactNotes, typesWithId } from './holders.ts';
import { asNumber, asText, asTime, condition, equal, holdersSql, ofHolders } from './sql.ts';

/** One balance of one holder. */
export interface Balance {
  holder: string;
  holderId: string;
  kind: string | null;
  granted: Decimal;
  used: Decimal;
  /** Absent where it is not declared. */
  allocation?: Decimal | null;
  /** A day of the month, 1 to 31; absent where it is not declared. */
  resetDay?: number | null;
  periodStart?: Date | string | null;
  periodEnd?: Date | string | null;
  /** The period ended by the time of the report. */
  stale: boolean;
}

export interface BalancesRead {
  balances: Balance[];
  notes: string[];
}

interface BalanceRow {
  holder: string | null;
  name: string | null;
  listed: boolean | null;
  copies: bigint | null;
  kind: string | null;
  granted: string | null;
  used: string | null;
  allocation: string | null;
  resetDay: string | null;
  periodStart: Date | number | null;
  periodEnd: Date | number | null;
  stale: boolean;
}

/** Reads the balances of the holders, sorted by name and kind. Call it inside `readOnly`. */
export async function readBalances(
  session: Session,
  credits: Credits & { balances: Balances },
  { asOf, holder }: { asOf: Date; holder?: string | undefined },
): Promise<BalancesRead> {
  const { balances } = credits;
  const types = await prepareTyped(session, [
    ...holderExpressions(credits),
    ...balanceExpressions(credits),
  ]);
  const ids = await findHolders(session, credits, holder, 'dbops report credits');
  const filter = ofHolders(
    balances.holder,
    ids,
    typesWithId(types, 'credits.balances.holder'),
    '$2',
  );
  const rows = await queryDeclared<BalanceRow>(
    session,
    'credits.balances',
    balancesSql(credits, filter.sql, holderFilter(types, credits, ids, '$2')),
    [asOf.toISOString(), ...filter.values],
  );
  assertDistinct(rows);
  const shown = rows.filter(({ listed }) => listed === true);
  return {
    balances: shown.flatMap((row) => balanceOf(row, balances)),
    notes: [...notesOf(rows, shown), ...inexactNotes(types)],
  };
}

function balancesSql(
  credits: Credits & { balances: Balances },
  filter: string,
  ofHolder: string,
): string {
  const { from, where, ...columns } = credits.balances;
  const { holder, kind, granted, used, allocation, resetDay, periodStart, periodEnd } = columns;
  return `WITH dbops_holders AS (${holdersSql(credits, ofHolder)}), dbops_balances AS (
  SELECT ${asText(holder)} AS holder, ${asText(kind)} AS kind, ${asNumber(granted)} AS granted,
         ${asNumber(used)} AS used, ${asNumber(allocation)} AS allocation, ${asNumber(resetDay)} AS reset_day,
         ${asTime(periodStart)} AS period_start, ${asTime(periodEnd)} AS period_end
    FROM ${from}\n   WHERE ${condition(where)} AND ${filter})
SELECT b.holder, coalesce(h.name, h.id) AS name, h.listed, h.copies, b.kind, CAST(b.granted AS pg_catalog.text) AS granted,
       CAST(b.used AS pg_catalog.text) AS used, CAST(b.allocation AS pg_catalog.text) AS allocation,
       CAST(b.reset_day AS pg_catalog.text) AS "resetDay", b.period_start AS "periodStart",
       b.period_end AS "periodEnd",
       (b.period_end OPERATOR(pg_catalog.<=) CAST($1 AS pg_catalog.timestamptz)) IS TRUE AS stale
  FROM dbops_balances b LEFT JOIN dbops_holders h ON ${equal('h.id', 'b.holder')}
 ORDER BY 2, b.kind, b.holder`;
}

/** Returns the balance of a row, or nothing where a figure is not a number. */
function balanceOf(row: BalanceRow, declared: Balances): Balance[] {
  const [granted, used] = [numberOf(row.granted), numberOf(row.used)];
  if (!granted || !used || row.holder === null) return [];
  const { name, holder, kind, stale } = row;
  return [
    {
      holder: name ?? holder,
      holderId: holder,
      kind,
      granted,
      used,
      stale,
      ...(declared.allocation && { allocation: numberOf(row.allocation) }),
      ...(declared.resetDay && { resetDay: dayOf(row.resetDay) }),
      ...(declared.periodStart && { periodStart: timeOf(row.periodStart) }),
      ...(declared.periodEnd && { periodEnd: timeOf(row.periodEnd) }),
    },
  ];
}

function numberOf(text: string | null): Decimal | null {
  return text === null ? null : (parseDecimal(text) ?? null);
}

function dayOf(text: string | null): number | null {
  return text !== null && /^(?:[1-9]|[12]\d|3[01])(?:\.0+)?$/.test(text) ? Number(text) : null;
}

/** pg returns the infinite timestamps as infinite numbers. */
function timeOf(time: Date | number | null): Date | string | null {
  if (typeof time === 'number') return time > 0 ? 'infinity' : '-infinity';
  return time;
}

function notesOf(rows: readonly BalanceRow[], shown: readonly BalanceRow[]): string[] {
  const isMissing = ({ granted, used }: BalanceRow) => granted === null || used === null;
  const isNumber = (text: string | null) => text === null || parseDecimal(text) !== undefined;
  const unclear = shown.filter((row) => !isMissing(row));
  const repeated = Map.groupBy(shown, ({ holder, kind }) => JSON.stringify([holder, kind]));
  const counts: [number, string][] = [
    [rows.filter(({ holder }) => holder === null).length, 'not counted, balances without a holder'],
    [
      rows.filter(({ holder, listed }) => holder !== null && listed === null).length,
      'not counted, balances of holders that credits.holders does not have',
    ],
    [shown.filter(isMissing).length, 'not counted, balances in which granted or used is NULL'],
    [
      unclear.filter(({ granted, used }) => !isNumber(granted) || !isNumber(used)).length,
      'not counted, balances in which granted or used is NaN or infinite',
    ],
    [
      [...repeated.values()].filter((each) => each.length > 1).length,
      'holders with several balances of one kind, each of which is a row',
    ],
    [
      shown.filter(({ resetDay }) => resetDay !== null && dayOf(resetDay) === null).length,
      'reset days that are not whole numbers from 1 to 31',
    ],
  ];
  return noteCounts(counts);
}

/** Returns `not counted, balances without a holder: 2` for each count that is not 0. */
export function noteCounts(counts: readonly [number | bigint, string][]): string[] {
  return counts.flatMap(([count, what]) =>
    count > 0 ? [`${what}: ${count.toLocaleString('en-US')}`] : [],
  );
}
