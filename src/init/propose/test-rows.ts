import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import type { ConfigValue } from './entry.ts';
import { hasWord, wordsOf } from './words.ts';

/** A test user: the word in its values, and the plan. */
export const testUsers = [
  { plan: 'free', name: 'Free User', uuid: '00000000-0000-4000-8000-00000000f4ee' },
  { plan: 'pro', name: 'Pro User', uuid: '00000000-0000-4000-8000-000000000930' },
];

/** Names of tables of people, the likeliest first. */
export const peopleNames = ['user', 'account', 'profile', 'member', 'customer'];

type TestUser = (typeof testUsers)[number];

type ProposedRow = Record<string, ConfigValue>;

/** Rows of a table that other rows refer to. */
export interface NeededSet {
  table: string;
  key: readonly string[];
  /** Columns that are set once. */
  once?: string[] | undefined;
  createdByTrigger?: boolean;
  rows: ProposedRow[];
}

export interface TestRowContext {
  tables: readonly TableFacts[];
  /** The table of the set `users`. */
  users: TableFacts;
  /** The table of the people that sign in; a trigger may create its rows, with the keys of `users`. */
  people: TableFacts;
  /** By the name of the set. */
  needed: Map<string, NeededSet>;
}

/** Returns whether a column refers to the test users. */
export function refersToUsers(
  { references }: ColumnFacts,
  { users, people }: Pick<TestRowContext, 'users' | 'people'>,
): boolean {
  return [users.key, people.key].some((key) => key === references?.table);
}

/** Returns the address by which a row is found. */
export function emailOf({ columns, unique }: TableFacts): ColumnFacts | undefined {
  const keys = unique.flatMap(([only, more]) => (only !== undefined && !more ? [only] : []));
  return columns.find(({ name }) => keys.includes(name) && hasWord(name, ['email']));
}

/** The columns of a unique index: the address, and what people write before what the server numbers. */
export function keyOf(table: TableFacts): string[] | undefined {
  const email = emailOf(table);
  if (email) return [email.name];
  const written = table.unique.find((names) =>
    table.columns
      .filter(({ name }) => names.includes(name))
      .every(({ isFilled, notNull, kind }) => notNull && !isFilled && kind !== 'uuid'),
  );
  return written ?? (table.primaryKey.length > 0 ? table.primaryKey : table.unique[0]);
}

/** The columns that a person changes, and times, which are others in each run. */
export function onceOf(row: ProposedRow, key: readonly string[]): string[] | undefined {
  const once = Object.entries(row).flatMap(([column, value]) => {
    const isChanged = hasWord(column, ['name', 'password', 'image', 'avatar']);
    return !key.includes(column) && (isChanged || value === now) ? [column] : [];
  });
  return once.length > 0 ? once : undefined;
}

const now: ConfigValue = { $sql: 'now()' };

/**
 * Returns the values of a row for a test user: the key, what is required, and what the user is called. Rows that
 * it refers to are added to `needed`.
 *
 * @param also more columns
 */
export function rowOf(
  table: TableFacts,
  user: TestUser,
  around: TestRowContext,
  {
    key = keyOf(table) ?? [],
    also = [],
    depth = 0,
  }: {
    key?: readonly string[];
    also?: readonly string[];
    depth?: number;
  } = {},
): ProposedRow {
  const wanted = table.columns.filter(
    (column) =>
      [...key, ...also].includes(column.name) ||
      isOfUser(column) ||
      (column.notNull && !column.isFilled),
  );
  return Object.fromEntries(
    wanted.map((column) => [
      column.name,
      referenceOf(column, user, { ...around, table, depth }) ?? valueOf(column, user, table),
    ]),
  );
}

function isOfUser({ name, kind, isFilled, references }: ColumnFacts): boolean {
  if (references || !['text', 'enum'].includes(kind)) return false;
  const phrase = wordsOf(name).join(' ');
  const isPlan = ['plan tier', 'plan', 'tier', 'subscription tier'].includes(phrase);
  return isPlan || (!isFilled && ['email', 'name', 'full name', 'display name'].includes(phrase));
}

/** Returns a reference to the row of a test user, or to another row that is needed. */
function referenceOf(
  column: ColumnFacts,
  user: TestUser,
  { table, depth, ...around }: TestRowContext & { table: TableFacts; depth: number },
): ConfigValue | undefined {
  const { tables, users, needed } = around;
  if (table.key !== users.key && refersToUsers(column, around)) return refToUser(user, around);
  const target = tables.find(({ key }) => key === column.references?.table);
  if (!target || target.key === table.key || depth >= 3) return undefined;
  const expected = needed.get(target.name);
  if (expected?.createdByTrigger) {
    const row = expected.rows[testUsers.indexOf(user)] ?? {};
    return { $ref: [target.name, ...keyValues(row, expected.key)] };
  }
  const key = keyOf(target) ?? [];
  const row = rowOf(target, user, around, { depth: depth + 1 });
  const ref = keyValues(row, key);
  const rows = (expected?.rows ?? []).filter(
    (each) => String(keyValues(each, key)) !== String(ref),
  );
  needed.set(target.name, {
    table: target.sql,
    key,
    once: onceOf(row, key),
    rows: [...rows, row],
  });
  return { $ref: [target.name, ...ref] };
}

/** Returns a reference to the row of a test user in the set `users`. */
export function refToUser(user: TestUser, { users }: Pick<TestRowContext, 'users'>): ConfigValue {
  const key = keyOf(users) ?? [];
  const columns = users.columns.filter(({ name }) => key.includes(name));
  const row = Object.fromEntries(columns.map((each) => [each.name, valueOf(each, user, users)]));
  return { $ref: ['users', ...keyValues(row, key)] };
}

/** The values by which a reference names a row; a reference in its key counts with the values that it names. */
function keyValues(row: ProposedRow, key: readonly string[]): ConfigValue[] {
  return key.flatMap((column): ConfigValue[] => {
    const value = row[column] ?? '';
    const ref = typeof value === 'object' && '$ref' in value ? value.$ref : undefined;
    return Array.isArray(ref) ? ref.slice(1) : [value];
  });
}

function valueOf(
  { name, kind, labels, isPositive }: ColumnFacts,
  user: TestUser,
  table: TableFacts,
): ConfigValue {
  const phrase = wordsOf(name).join(' ');
  if (phrase.includes('email') && kind === 'text') return `${user.plan}@example.com`;
  if (/\b(?:plan|tier)\b/.test(phrase) && ['text', 'enum'].includes(kind))
    return labels.find((label) => label.toLowerCase() === user.plan) ?? labels[0] ?? user.plan;
  if (labels.length > 0) return labels[0] ?? '';
  if (kind === 'text') return textOf(name, user, table);
  if (kind === 'uuid') return user.uuid;
  if (kind === 'number') return isPositive ? 1 : 0;
  if (kind === 'boolean') return false;
  if (kind === 'json') return {};
  if (kind === 'time') return now;
  if (kind === 'array') return { $sql: "'{}'" };
  return { $sql: 'default' };
}

/** Returns text that differs between the two users and has the form of names of hosts and logins. */
function textOf(name: string, user: TestUser, table: TableFacts): string {
  const words = wordsOf(name);
  const phrase = words.join(' ');
  const kind = wordsOf(table.name);
  if (['slug', 'subdomain', 'domain'].includes(phrase)) return `${user.plan}-test`;
  if (['username', 'user name', 'login', 'handle', 'nickname'].includes(phrase))
    return `test${user.plan}`;
  if (phrase.endsWith('name') || phrase === 'title')
    return isOfPerson(table) ? user.name : `${user.name.split(' ')[0]} ${kind.join(' ')}`;
  return `${phrase === 'id' ? kind.join('_') : name}_test_${user.plan}`;
}

function isOfPerson(table: TableFacts): boolean {
  return emailOf(table) !== undefined || peopleNames.includes(wordsOf(table.name).at(-1) ?? '');
}
