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

/** What balances and ledgers count. */
const unitWords = ['credit', 'token', 'point', 'coin', 'unit'];

/** A table about a holder of credits. */
interface Held {
  table: TableFacts;
  /** The column that names the holder. */
  column: ColumnFacts;
  holders: TableFacts;
  /** The column of the holders that it refers to. */
  id: ColumnFacts;
}

/** Returns holders with balances or a ledger, where a table has their columns and refers to them. */
export function proposeCredits(tables: readonly TableFacts[]): CreditsProposal | undefined {
  const people = findPeople(tables);
  const held = tables
    .filter(({ key }) => key !== people?.key)
    .flatMap((table) => {
      const [first, ...others] = holdersOf(table, tables, people);
      const withBalance = others.find((each) => balanceIn(each, tables));
      const found = first && (balanceIn(first, tables) ? first : (withBalance ?? first));
      return found ? [found] : [];
    });
  const balances = held.find(({ table }) => grantedIn(table) && usedIn(table));
  const ledgers = held.filter((each) => each !== balances && isLedger(each.table));
  const ledger = ledgerMarks
    .map((isOne) => ledgers.find((each) => isOne(each.table)))
    .find(Boolean);
  const found = ledger ?? balances;
  if (!found) return undefined;
  const { holders, id } = found;
  const name = columnNamed(holders, ['email', 'name', 'username', 'full name', 'title', 'handle']);
  const deleted = columnNamed(holders, deletedNames);
  return {
    tables: [...(balances ? [balances.table] : []), ...(ledger ? [ledger.table] : [])],
    value: {
      holders: {
        from: holders.sql,
        id: `${holders.sql}.${id.sql}`,
        name: name && `${holders.sql}.${name.sql}`,
        where: deleted && `${holders.sql}.${deleted.sql} is null`,
      },
      ...(balances?.id === id && { balances: balancesOf(balances.table, balances.column) }),
      ...(!balances && ledger && { balances: balancesOfLedger(ledger) }),
      ...(ledger && { ledger: ledgerOf(ledger, tables) }),
    },
  };
}

function numberNamed(table: TableFacts, names: readonly string[]): ColumnFacts | undefined {
  return columnNamed(table, names, ['number']);
}

/** Returns a number whose name contains one of the words. */
function numberWith(table: TableFacts, words: readonly string[]): ColumnFacts | undefined {
  return table.columns.find(
    ({ kind, name, references }) =>
      kind === 'number' && !references && !table.primaryKey.includes(name) && hasWord(name, words),
  );
}

function grantedIn(table: TableFacts): ColumnFacts | undefined {
  return (
    numberNamed(table, grantedNames) ?? numberWith(table, ['granted', 'allocated', 'included'])
  );
}

function usedIn(table: TableFacts): ColumnFacts | undefined {
  return numberNamed(table, usedNames) ?? numberWith(table, ['used', 'spent', 'consumed']);
}

function amountIn(table: TableFacts): ColumnFacts | undefined {
  return (
    numberNamed(table, amountNames) ??
    numberWith(table, ['amount', 'delta', 'change']) ??
    numberWith(table, unitWords)
  );
}

/** The holders that a table refers to: people first, then what has a name. */
function holdersOf(
  table: TableFacts,
  tables: readonly TableFacts[],
  people: TableFacts | undefined,
): Held[] {
  const ofPeople = people && holderIn(table, people);
  const others = table.columns.flatMap((column): Held[] => {
    const { references } = column;
    const holders = tables.find(({ key }) => key === references?.table);
    const id = holders?.columns.find(({ name }) => name === references?.column);
    return holders && id && holders !== people && holders !== table
      ? [{ table, column, holders, id }]
      : [];
  });
  const isNamed = ({ holders }: Held) =>
    columnNamed(holders, ['email', 'name', 'full name', 'title', 'handle', 'slug']) !== undefined;
  return [...(ofPeople ? [ofPeople] : []), ...others.filter(isNamed)];
}

/** The column that names a person, and the column of the people that it refers to. */
function holderIn(table: TableFacts, people: TableFacts): Held | undefined {
  for (const column of table.columns) {
    const { references } = column;
    const id = people.columns.find(({ name }) =>
      references
        ? references.table === people.key && references.column === name
        : name === column.name &&
          name !== 'id' &&
          people.unique.some(([only, more]) => only === name && !more),
    );
    if (id) return { table, column, holders: people, id };
  }
  return undefined;
}

/** What makes a table with amounts and times a ledger, the likelier first. */
const ledgerMarks: readonly ((table: TableFacts) => boolean)[] = [
  (table) =>
    hasWord(table.name, ['ledger', 'transaction', 'entry', 'movement', 'journal', 'posting']),
  (table) => numberWith(table, ['delta', 'change']) !== undefined,
  (table) => hasWord(table.name, ['credit', 'point', 'coin', 'wallet', 'balance', 'prepaid']),
];

const isLedger = (table: TableFacts) =>
  amountIn(table) !== undefined && timeOf(table) !== undefined;

/** A balance beside its holder, or in a table with one row for each holder. */
function balanceIn(
  { holders, id, table: ledger }: Held,
  tables: readonly TableFacts[],
): { table: TableFacts; holder: ColumnFacts; column: ColumnFacts } | undefined {
  const own = numberNamed(holders, balanceNames) ?? numberWith(holders, ['balance']);
  if (own) return { table: holders, holder: id, column: own };
  const rows = tables.filter((each) => each !== ledger && each !== holders);
  return rows.flatMap((table) => {
    const holder = table.columns.find(
      ({ references, name }) =>
        references?.table === holders.key &&
        references.column === id.name &&
        table.unique.some(([only, more]) => only === name && !more),
    );
    const isOfBalances = hasWord(table.name, ['balance', 'wallet']);
    const column =
      numberNamed(table, balanceNames) ??
      numberWith(table, ['balance']) ??
      (isOfBalances
        ? numberWith(table, [...unitWords, 'amount', 'remaining', 'available'])
        : undefined);
    return holder && column ? [{ table, holder, column }] : [];
  })[0];
}

function balancesOf(table: TableFacts, holder: ColumnFacts): Reasoned {
  const sql = (names: readonly string[], kinds: ColumnFacts['kind'][]) =>
    columnNamed(table, names, kinds)?.sql;
  return because(`${table.name}: what each ${holder.name} was granted and has used`, {
    from: table.sql,
    holder: holder.sql,
    kind: sql(['credit type', 'type', 'kind', 'currency'], ['text', 'enum']),
    granted: grantedIn(table)?.sql ?? '0',
    used: usedIn(table)?.sql ?? '0',
    allocation: sql(['monthly allocation', 'allocation', 'monthly', 'monthly credit'], ['number']),
    resetDay: sql(['reset day of month', 'reset day'], ['number']),
    periodStart: sql(['billing period start', 'period start'], ['time']),
    periodEnd: sql(['billing period end', 'period end', 'renew at', 'expire at'], ['time']),
    where: sql(['is current', 'current', 'active', 'is active'], ['boolean']),
  });
}

/** What the entries of a ledger added and took, for holders without balances of that kind. */
function balancesOfLedger({ table, column, holders, id }: Held): Reasoned {
  const amount = amountIn(table);
  const settled = settledIn(table);
  const entries = `from ${table.sql} l where l.${column.sql} = ${holders.sql}.${id.sql}${settled ? ` and l.${settled}` : ''}`;
  const sum = (condition: string, sign: string) =>
    `coalesce((select sum(${sign}l.${amount?.sql ?? '0'}) ${entries} and l.${amount?.sql ?? '0'} ${condition}), 0)`;
  return because(`${table.name}: what its entries granted and used`, {
    from: holders.sql,
    holder: `${holders.sql}.${id.sql}`,
    granted: sum('> 0', ''),
    used: sum('< 0', '-'),
  });
}

function ledgerOf(held: Held, tables: readonly TableFacts[]): Reasoned {
  const { table, column } = held;
  const status = columnNamed(table, statusNames, ['text', 'enum']);
  const settled = settledIn(table);
  const balance = balanceIn(held, tables);
  const [key] = table.primaryKey;
  return because(`${table.name}: the amounts of each ${column.name}, with their times`, {
    from: table.sql,
    holder: column.sql,
    at: timeOf(table)?.sql ?? '',
    id: table.columns.find(({ name }) => name === key)?.sql,
    amount: because('assumed to be negative where credits are used', amountIn(table)?.sql ?? '0'),
    settled: settled && because(`assumed: ${status?.name} says when an amount counts`, settled),
    equals:
      balance &&
      because(`${balance.table.name}.${balance.column.name}: what the settled amounts add up to`, {
        table: balance.table.sql,
        holder: balance.holder.sql,
        column: balance.column.sql,
      }),
  });
}

const statusNames = ['status', 'state'];

function settledIn(table: TableFacts): string | undefined {
  const status = columnNamed(table, statusNames, ['text', 'enum']);
  return status && `${status.sql} = ${quoteLiteral(settledLabel(status))}`;
}

function settledLabel({ labels }: ColumnFacts): string {
  const known = ['completed', 'complete', 'settled', 'done', 'succeeded', 'posted', 'paid'];
  return known.find((label) => labels.includes(label)) ?? 'completed';
}
