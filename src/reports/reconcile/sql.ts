import type { WithEquals } from '../credits/declared.ts';
import {
  asNumber,
  asText,
  asTime,
  condition,
  equal,
  holdersSql,
  isFinite,
} from '../credits/sql.ts';

interface Parts {
  /** Conditions on the rows of the ledger and of the balances. */
  entries: string;
  balances: string;
  /** Whether the keys of entries grow with time. */
  isOrdered: boolean;
}

/**
 * Returns the statement: one row for each mismatch, beside the counts for the notes, which are alone in
 * one row where there is no mismatch.
 */
export function reconcileSql(credits: WithEquals, parts: Parts): string {
  return `WITH dbops_holders AS (${holdersSql(credits)}),
dbops_entries AS (${entriesSql(credits, parts)}),
dbops_balances AS (${balancesSql(credits, parts)}),
dbops_compared AS (${comparedSql}),
dbops_wrong AS (
  SELECT * FROM dbops_compared
   WHERE balance IS NULL AND entries OPERATOR(pg_catalog.>) 0
      OR balance OPERATOR(pg_catalog.<>) ledger OR NOT ${isFinite('ledger')}
),
dbops_ordered AS (${orderedSql}),
dbops_parted AS (${partedSql}),
dbops_first AS (
  SELECT o.holder, o.kind, pg_catalog.min(o.key) AS key
    FROM dbops_ordered o JOIN dbops_parted p
      ON ${sameAccount('o', 'p')} AND ${equal('o.place', '(p.last OPERATOR(pg_catalog.+) 1)')}
   GROUP BY o.holder, o.kind
)
SELECT c.*, w.holder AS id, w.name, w.kind, w.copies, CAST(w.balance AS pg_catalog.text) AS balance,
       CAST(w.ledger AS pg_catalog.text) AS ledger, f.key AS "firstEntry"
  FROM (${countsSql}) AS c
  LEFT JOIN dbops_wrong w ON true
  LEFT JOIN dbops_first f ON ${sameAccount('f', 'w')}
 ORDER BY w.name, w.kind, w.holder`;
}

function entriesSql({ ledger }: WithEquals, { entries, isOrdered }: Parts): string {
  const { from, id, holder, kind, equals, at, amount, where, settled } = ledger;
  const time = `pg_catalog.to_char(${asTime(at)}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return `SELECT ${asText(holder)} AS holder, ${asText(equals.kind && kind)} AS kind, ${asTime(at)} AS at,
       ${asNumber(amount)} AS amount, ${id ? asText(id) : time} AS key,
       ${isOrdered ? asNumber(id) : '0'} AS position
  FROM ${from}\n WHERE ${condition(where)} AND ${condition(settled)} AND ${entries}`;
}

function balancesSql({ ledger: { equals }, holders }: WithEquals, { balances }: Parts): string {
  const { table, holder = holders.id, kind, column, where } = equals;
  return `SELECT ${asText(holder)} AS holder, ${asText(kind)} AS kind, ${asNumber(column)} AS balance
  FROM ${table}\n WHERE ${condition(where)} AND ${balances}`;
}

/** GROUP BY takes NULL kinds as equal, which a FULL JOIN cannot: its condition must be one that hashes or merges. */
const comparedSql = `
  SELECT s.*, h.copies, CASE WHEN h.listed THEN coalesce(h.name, h.id) END AS name
    FROM (SELECT holder, kind, pg_catalog.sum(balance) AS balance, pg_catalog.count(*) FILTER (WHERE NOT is_entry) AS balances,
                 coalesce(pg_catalog.sum(amount), 0) AS ledger, pg_catalog.count(*) FILTER (WHERE is_entry) AS entries
            FROM (SELECT holder, kind, balance, NULL::pg_catalog.numeric AS amount, false AS is_entry FROM dbops_balances
                   UNION ALL
                  SELECT holder, kind, NULL, amount, true FROM dbops_entries) AS sides
           WHERE holder IS NOT NULL GROUP BY holder, kind) AS s
    LEFT JOIN dbops_holders h ON ${equal('h.id', 's.holder')}
   WHERE h.listed IS NOT FALSE`;

/** The running sums; entries whose order is not known have the same place, and the sum after all of them. */
const orderedSql = `
  SELECT e.holder, e.kind, e.key, e.at, w.balance, pg_catalog.sum(e.amount) OVER account AS running,
         pg_catalog.dense_rank() OVER account AS place
    FROM dbops_entries e JOIN dbops_wrong w ON ${sameAccount('e', 'w')}
  WINDOW account AS (PARTITION BY e.holder, e.kind ORDER BY e.at, e.position)`;

/** The last place at which the running sum is the balance; 0 is before the first entry. */
const partedSql = `
  SELECT holder, kind, coalesce(pg_catalog.max(place) FILTER (WHERE ${equal('running', 'balance')}),
                                CASE WHEN ${equal('balance', '0')} THEN 0 END) AS last
    FROM dbops_ordered GROUP BY holder, kind, balance
  HAVING pg_catalog.bool_and(at IS NOT NULL)`;

const countsSql = `
  SELECT * FROM (SELECT pg_catalog.count(*) AS compared, pg_catalog.count(*) FILTER (WHERE balances OPERATOR(pg_catalog.>) 1) AS repeated
                   FROM dbops_compared) AS all_compared,
  (SELECT pg_catalog.count(*) FILTER (WHERE holder IS NULL) AS "entriesWithoutHolder",
          pg_catalog.count(*) FILTER (WHERE amount IS NULL) AS "entriesNull",
          pg_catalog.count(*) FILTER (WHERE NOT ${isFinite('amount')}) AS "entriesInfinite" FROM dbops_entries) AS all_entries,
  (SELECT pg_catalog.count(*) FILTER (WHERE holder IS NULL) AS "balancesWithoutHolder",
          pg_catalog.count(*) FILTER (WHERE balance IS NULL) AS "balancesNull",
          pg_catalog.count(*) FILTER (WHERE NOT ${isFinite('balance')}) AS "balancesInfinite" FROM dbops_balances) AS all_balances`;

function sameAccount(left: string, right: string): string {
  const kinds = equal(`${left}.kind`, `${right}.kind`);
  return `${equal(`${left}.holder`, `${right}.holder`)}
     AND (${kinds} OR ${left}.kind IS NULL AND ${right}.kind IS NULL)`;
}
