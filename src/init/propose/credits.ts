import { quoteLiteral } from '../../db/quote.ts';
import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import { findPeople } from './users.ts';
import { columnNamed, deletedNames, hasWord, timeOf } from './words.ts';

/** `credits` of the configuration, and the tables that it is about. */
export interface CreditsProposal {
  value: Record<string, ConfigValue | Reasoned>;
  tables: TableFacts[];
}

const grantedNames = [
  'total credit',
  'granted',
  'total',
  'allocated',
  'credit granted',
  'included',
];
const usedNames = ['used credit', 'used', 'spent', 'consumed', 'credit used'];
const amountNames = ['amount', 'delta', 'credit', 'change', 'quantity'];
const balanceNames = ['credit balance', 'balance', 'credit'];

/** Returns holders with balances or a ledger, where a table has their columns and refers to people. */
export function proposeCredits(tables: readonly TableFacts[]): CreditsProposal | undefined {
  const people = findPeople(tables);
  if (!people) return undefined;
  const found = tables
    .filter(({ key }) => key !== people.key)
    .flatMap((table) => {
      const holder = holderIn(table, people);
      return holder ? [{ table, ...holder }] : [];
    });
  const balances = found.find(
    ({ table }) => numberNamed(table, grantedNames) && numberNamed(table, usedNames),
  );
  const ledger = found.find((each) => each !== balances && isLedger(each.table));
  const id = (ledger ?? balances)?.id;
  if (!id) return undefined;
  const name = columnNamed(people, ['email', 'name', 'username', 'full name']);
  const deleted = columnNamed(people, deletedNames);
  return {
    tables: [...(balances ? [balances.table] : []), ...(ledger ? [ledger.table] : [])],
    value: {
      holders: {
        from: people.sql,
        id: `${people.sql}.${id.sql}`,
        name: name && `${people.sql}.${name.sql}`,
        where: deleted && `${people.sql}.${deleted.sql} is null`,
      },
      ...(balances &&
        balances.id === id && { balances: balancesOf(balances.table, balances.column) }),
      ...(ledger && { ledger: ledgerOf(ledger.table, ledger.column, people, id) }),
    },
  };
}

function numberNamed(table: TableFacts, names: readonly string[]): ColumnFacts | undefined {
  return columnNamed(table, names, ['number']);
}

/** The column that names a person, and the column of the people that it refers to. */
function holderIn(table: TableFacts, people: TableFacts) {
  for (const column of table.columns) {
    const { references } = column;
    const id = people.columns.find(({ name }) =>
      references
        ? references.table === people.key && references.column === name
        : name === column.name &&
          name !== 'id' &&
          people.unique.some(([only, more]) => only === name && !more),
    );
    if (id) return { column, id };
  }
  return undefined;
}

function isLedger(table: TableFacts): boolean {
  const isNamed = hasWord(table.name, ['ledger', 'transaction', 'entry', 'entries', 'movement']);
  return isNamed && numberNamed(table, amountNames) !== undefined && timeOf(table) !== undefined;
}

function balancesOf(table: TableFacts, holder: ColumnFacts): Reasoned {
  const sql = (names: readonly string[], kinds: ColumnFacts['kind'][]) =>
    columnNamed(table, names, kinds)?.sql;
  return because(`${table.name}: what each ${holder.name} was granted and has used`, {
    from: table.sql,
    holder: holder.sql,
    kind: sql(['credit type', 'type', 'kind', 'currency'], ['text', 'enum']),
    granted: numberNamed(table, grantedNames)?.sql ?? '0',
    used: numberNamed(table, usedNames)?.sql ?? '0',
    allocation: sql(['monthly allocation', 'allocation', 'monthly', 'monthly credit'], ['number']),
    resetDay: sql(['reset day of month', 'reset day'], ['number']),
    periodStart: sql(['billing period start', 'period start'], ['time']),
    periodEnd: sql(['billing period end', 'period end', 'renew at', 'expire at'], ['time']),
    where: sql(['is current', 'current', 'active', 'is active'], ['boolean']),
  });
}

function ledgerOf(
  table: TableFacts,
  holder: ColumnFacts,
  people: TableFacts,
  id: ColumnFacts,
): Reasoned {
  const amount = numberNamed(table, amountNames);
  const status = columnNamed(table, ['status', 'state'], ['text', 'enum']);
  const balance = numberNamed(people, balanceNames);
  const [key] = table.primaryKey;
  return because(`${table.name}: the amounts of each ${holder.name}, with their times`, {
    from: table.sql,
    holder: holder.sql,
    at: timeOf(table)?.sql ?? '',
    id: table.columns.find(({ name }) => name === key)?.sql,
    amount: because('assumed to be negative where credits are used', amount?.sql ?? '0'),
    settled:
      status &&
      because(
        `assumed: ${status.name} says when an amount counts`,
        `${status.sql} = ${quoteLiteral(settledLabel(status))}`,
      ),
    equals:
      balance &&
      because(`${people.name}.${balance.name}: what the settled amounts add up to`, {
        table: people.sql,
        holder: id.sql,
        column: balance.sql,
      }),
  });
}

function settledLabel({ labels }: ColumnFacts): string {
  const known = ['completed', 'complete', 'settled', 'done', 'succeeded', 'posted', 'paid'];
  return known.find((label) => labels.includes(label)) ?? 'completed';
}
