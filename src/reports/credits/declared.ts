import { usageError } from '../../errors.ts';
import type { Balances, Credits, Ledger } from './definition.ts';

type Equals = NonNullable<Ledger['equals']>;
type WithBalances = Credits & { balances: Balances };
export type WithLedger = Credits & { ledger: Ledger };
export type WithEquals = Credits & { ledger: Ledger & { equals: Equals } };

const holders = `  holders: { from: 'accounts', id: 'id', name: 'email' },`;
const ledger = `  ledger: { from: 'entries', holder: 'account_id', at: 'created_at', amount: 'amount', settled: "status = 'completed'"`;
const examples = {
  balances: [
    holders,
    `  balances: { from: 'wallets', holder: 'account_id', granted: 'granted', used: 'used' },`,
  ],
  ledger: [holders, `${ledger} },`],
  equals: [holders, `${ledger},`, `    equals: { table: 'accounts', column: 'balance' } },`],
};

/** Returns the same credits. @throws usage error that shows what to declare */
export function withBalances(credits: Credits | undefined): WithBalances {
  const { balances } = credits ?? {};
  if (credits && balances) return { ...credits, balances };
  throw undeclared('credits.balances', examples.balances);
}

/** Returns the same credits. @throws usage error that shows what to declare */
export function withLedger(credits: Credits | undefined): WithLedger {
  const ledgerOf = credits?.ledger;
  if (credits && ledgerOf) return { ...credits, ledger: ledgerOf };
  throw undeclared('credits.ledger', examples.ledger);
}

/** Returns the same credits. @throws usage error that shows what to declare */
export function withEquals(credits: Credits | undefined): WithEquals {
  const found = credits && findEquals(credits);
  if (found) return found;
  throw undeclared('credits.ledger.equals', examples.equals);
}

/** Returns the same credits where they declare what the ledger adds up to. */
export function findEquals(credits: Credits): WithEquals | undefined {
  const { ledger: declared } = credits;
  const equals = declared?.equals;
  return declared && equals ? { ...credits, ledger: { ...declared, equals } } : undefined;
}

function undeclared(place: string, lines: readonly string[]) {
  return usageError(
    'CREDITS.UNDECLARED',
    `${place} is not declared.`,
    'Declare it in dbops.config.ts with your own tables, as above; docs/report.md describes every key.',
    ['credits: {', ...lines, '},'],
  );
}
