import type { DeclaredSql } from '../../declared/prepare.ts';
import type { ExpectedType, TypedExpression } from '../../declared/types.ts';
import type { Credits } from './definition.ts';

const expected: Readonly<Record<string, ExpectedType>> = {
  where: 'boolean',
  settled: 'boolean',
  granted: 'number',
  used: 'number',
  allocation: 'number',
  resetDay: 'number',
  amount: 'number',
  column: 'number',
  at: 'time',
  periodStart: 'time',
  periodEnd: 'time',
};

/** Returns every expression of `credits`, with its place in the configuration and the type that it needs. */
export function creditsExpressions(credits: Credits): TypedExpression[] {
  return [
    ...holderExpressions(credits),
    ...balanceExpressions(credits),
    ...ledgerExpressions(credits),
    ...equalsExpressions(credits),
  ];
}

export function holderExpressions({ holders }: Credits): TypedExpression[] {
  return expressionsOf(
    'credits.holders',
    { place: 'credits.holders.from', sql: holders.from },
    holders,
  );
}

export function balanceExpressions({ balances }: Credits): TypedExpression[] {
  if (!balances) return [];
  const from = { place: 'credits.balances.from', sql: balances.from };
  return expressionsOf('credits.balances', from, balances);
}

export function ledgerExpressions({ ledger }: Credits): TypedExpression[] {
  if (!ledger) return [];
  const from = { place: 'credits.ledger.from', sql: ledger.from };
  return expressionsOf('credits.ledger', from, ledger);
}

export function equalsExpressions({ holders, ledger }: Credits): TypedExpression[] {
  if (!ledger?.equals) return [];
  const from = { place: 'credits.ledger.equals.table', sql: ledger.equals.table };
  return expressionsOf('credits.ledger.equals', from, { holder: holders.id, ...ledger.equals });
}

function expressionsOf(
  place: string,
  from: DeclaredSql,
  part: Readonly<Record<string, unknown>>,
): TypedExpression[] {
  return Object.entries(part).flatMap(([key, sql]) =>
    typeof sql === 'string' && key !== 'from' && key !== 'table'
      ? [{ place: `${place}.${key}`, sql, from, expects: expected[key] ?? 'any' }]
      : [],
  );
}
