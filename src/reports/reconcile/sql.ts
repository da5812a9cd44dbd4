import type { ExpressionType } from '../../declared/types.ts';
import type { Types } from '../credits/holders.ts';
import type { WithEquals } from '../credits/declared.ts';
import {
  asKey,
  asNumber,
  asSummable,
  asText,
  asTime,
  condition,
  equal,
  holdersSql,
  isFinite,
  isInteger,
} from '../credits/sql.ts';

interface Parts {
  types: Types;
  /** Conditions on the rows of the holders, the ledger and the balances. */
  filters: Record<'holders' | 'entries' | 'balances', string>;
}

/**
 * Returns the statement: one row for each mismatch, beside the counts for the notes, which are alone in
 * one row where there is no mismatch. The ledger is read a second time only for the mismatches.
 */
export function reconcileSql(credits: WithEquals, parts: Parts): string {
  return `WITH dbops_holders AS (${holdersSql(credits, parts.filters.holders)}),
dbops_sides AS (${ledgerSums(credits, parts)} UNION ALL ${balanceSums(credits, parts)}),
dbops_compared AS (${comparedSql}),
dbops_wrong AS (
  SELECT * FROM dbops_compared
   WHERE balance IS NULL AND entries OPERATOR(pg_catalog.>) 0
      OR balance OPERATOR(pg_catalog.<>) ledger OR NOT ${isFinite('ledger')}
),
dbops_ordered AS (${orderedSql(credits, parts)})
SELECT c.*, w.holder AS id, w.name, w.kind, w.copies, CAST(w.balance AS pg_catalog.text) AS balance,
       CAST(w.ledger AS pg_catalog.text) AS ledger, f.key AS "firstEntry"
  FROM (${countsSql}) AS c
  LEFT JOIN dbops_wrong w ON true
  LEFT JOIN (${firstSql}) AS f ON ${sameAccount('f', 'w')}
 ORDER BY w.name, w.kind, w.holder`;
}

function ledgerSums({ ledger }: WithEquals, { types, filters }: Parts): string {
  const { holder, kind, equals } = ledger;
  const amount = asSummable(ledger.amount, types.get('credits.ledger.amount'));
  return sums(ledger.from, `${settledSql(ledger)} AND ${filters.entries}`, {
    holder: asKey(holder, types.get('credits.ledger.holder')),
    kind: asText(equals.kind && kind),
    figure: amount,
    finite: finiteOf(amount, types.get('credits.ledger.amount')),
    isEntry: true,
  });
}

function balanceSums(
  { ledger: { equals }, holders }: WithEquals,
  { types, filters }: Parts,
): string {
  const { table, holder = holders.id, kind, column, where } = equals;
  const type = types.get('credits.ledger.equals.column');
  const figure = asSummable(column, type);
  return sums(table, `${condition(where)} AND ${filters.balances}`, {
    holder: asKey(holder, types.get('credits.ledger.equals.holder')),
    kind: asText(kind),
    figure,
    finite: finiteOf(figure, type),
    isEntry: false,
  });
}

interface Side {
  holder: string;
  kind: string;
  figure: string;
  /** A condition; NULL where the figure is. */
  finite: string;
  isEntry: boolean;
}

function finiteOf(figure: string, type: ExpressionType | undefined): string {
  return isInteger(type) ? 'true' : isFinite(figure);
}

/** The sum of each holder and kind on one side, with the numbers of rows for the notes. */
function sums(
  from: string,
  where: string,
  { holder, kind, figure, finite, isEntry }: Side,
): string {
  return `SELECT CAST(holder AS pg_catalog.text) COLLATE pg_catalog."C" AS holder, kind,
       CAST(figure AS pg_catalog.numeric) AS figure, rows, missing, infinite, ${isEntry} AS is_entry
  FROM (SELECT ${holder} AS holder, ${kind} AS kind, pg_catalog.sum(${figure}) AS figure, pg_catalog.count(*) AS rows,
               pg_catalog.count(*) FILTER (WHERE ${figure} IS NULL) AS missing,
               pg_catalog.count(*) FILTER (WHERE NOT ${finite}) AS infinite
          FROM ${from}\n         WHERE ${where} GROUP BY 1, 2) AS sums`;
}

/** GROUP BY takes NULL kinds as equal, which a FULL JOIN cannot: its condition must be one that hashes or merges. */
const comparedSql = `
  SELECT s.*, h.copies, CASE WHEN h.listed THEN coalesce(h.name, h.id) END AS name
    FROM (SELECT holder, kind, pg_catalog.sum(figure) FILTER (WHERE NOT is_entry) AS balance,
                 coalesce(pg_catalog.sum(figure) FILTER (WHERE is_entry), 0) AS ledger,
                 coalesce(pg_catalog.sum(rows) FILTER (WHERE is_entry), 0) AS entries,
                 coalesce(pg_catalog.sum(rows) FILTER (WHERE NOT is_entry), 0) AS balances
            FROM dbops_sides WHERE holder IS NOT NULL GROUP BY holder, kind) AS s
    LEFT JOIN dbops_holders h ON ${equal('h.id', 's.holder')}
   WHERE h.listed IS NOT FALSE`;

/** The running sums; entries whose order is not known have the same place, and the sum after all of them. */
function orderedSql({ ledger }: WithEquals, { types, filters }: Parts): string {
  const { id, holder, kind, equals, at, amount } = ledger;
  const time = `pg_catalog.to_char(${asTime(at)}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  // Keys that are numbers grow: of entries at the same time they say which was first.
  const isOrdered = types.get('credits.ledger.id')?.category === 'N';
  return `
  SELECT e.holder, e.kind, e.key, e.at, w.balance, pg_catalog.sum(e.amount) OVER account AS running,
         pg_catalog.dense_rank() OVER account AS place
    FROM (SELECT ${asText(holder)} AS holder, ${asText(equals.kind && kind)} AS kind, ${asTime(at)} AS at,
                 ${asNumber(amount)} AS amount, ${id ? asText(id) : time} AS key,
                 ${isOrdered ? condition(id) : '0'} AS position
            FROM ${ledger.from}\n           WHERE ${settledSql(ledger)} AND ${filters.entries}) AS e
    JOIN dbops_wrong w ON ${sameAccount('e', 'w')}
  WINDOW account AS (PARTITION BY e.holder, e.kind ORDER BY e.at, e.position)`;
}

/** The entry after the last place at which the running sum is the balance; place 0 is before the first entry. */
const firstSql = `
  SELECT holder, kind, pg_catalog.min(key) AS key
    FROM (SELECT holder, kind, key, place, pg_catalog.bool_and(at IS NOT NULL) OVER account AS has_times,
                 coalesce(pg_catalog.max(place) FILTER (WHERE ${equal('running', 'balance')}) OVER account,
                          CASE WHEN ${equal('balance', '0')} THEN 0 END) AS last
            FROM dbops_ordered WINDOW account AS (PARTITION BY holder, kind)) AS placed
   WHERE has_times AND ${equal('place', '(last OPERATOR(pg_catalog.+) 1)')}
   GROUP BY holder, kind`;

const countsSql = `
  SELECT * FROM (SELECT pg_catalog.count(*) AS compared, pg_catalog.count(*) FILTER (WHERE balances OPERATOR(pg_catalog.>) 1) AS repeated
                   FROM dbops_compared) AS all_compared,
  (SELECT ${countOf('rows', 'is_entry AND holder IS NULL')} AS "entriesWithoutHolder",
          ${countOf('missing', 'is_entry')} AS "entriesNull", ${countOf('infinite', 'is_entry')} AS "entriesInfinite",
          ${countOf('rows', 'NOT is_entry AND holder IS NULL')} AS "balancesWithoutHolder",
          ${countOf('missing', 'NOT is_entry')} AS "balancesNull", ${countOf('infinite', 'NOT is_entry')} AS "balancesInfinite"
     FROM dbops_sides) AS all_sides`;

function countOf(column: string, which: string): string {
  return `CAST(coalesce(pg_catalog.sum(${column}) FILTER (WHERE ${which}), 0) AS pg_catalog.int8)`;
}

function settledSql({ where, settled }: WithEquals['ledger']): string {
  return `${condition(where)} AND ${condition(settled)}`;
}

function sameAccount(left: string, right: string): string {
  const kinds = equal(`${left}.kind`, `${right}.kind`);
  return `${equal(`${left}.holder`, `${right}.holder`)}
     AND (${kinds} OR ${left}.kind IS NULL AND ${right}.kind IS NULL)`;
}
