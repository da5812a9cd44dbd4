import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import { hasWord, wordsOf } from './words.ts';

/** A test user: the word in its values, and the plan. */
const testUsers = [
  { plan: 'free', name: 'Free User', uuid: '00000000-0000-4000-8000-00000000f4ee' },
  { plan: 'pro', name: 'Pro User', uuid: '00000000-0000-4000-8000-000000000930' },
];

const peopleNames = ['user', 'account', 'profile', 'member', 'customer'];

/** Tables with addresses of people that do not sign in. */
const notPeople = [
  'invite',
  'invitation',
  'lead',
  'subscriber',
  'contact',
  'waitlist',
  'newsletter',
];

/** Returns the table of the people that sign in: the likeliest name, or else one with an address of its own. */
export function findPeople(tables: readonly TableFacts[]): TableFacts | undefined {
  const own = tables.filter(({ schema }) => schema !== 'auth');
  const named = (matches: (words: string[], word: string) => boolean) =>
    peopleNames.flatMap((word) => own.filter(({ name }) => matches(wordsOf(name), word)));
  const [exact] = named((words, word) => words.join(' ') === word);
  if (exact) return exact;
  const addressed = own.filter((table) => emailOf(table) && !hasWord(table.name, notPeople));
  const [alike] = named((words, word) => words.at(-1) === word).filter((each) =>
    addressed.includes(each),
  );
  return alike ?? addressed.find((table) => emailOf(table)?.notNull) ?? addressed[0];
}

/** Returns the address by which a row is found. */
function emailOf({ columns, unique }: TableFacts): ColumnFacts | undefined {
  const keys = unique.flatMap(([only, more]) => (only !== undefined && !more ? [only] : []));
  return columns.find(({ name }) => keys.includes(name) && hasWord(name, ['email']));
}

/** Returns `seeds` with the free and the pro test user, and the rows that they need. */
export function proposeUsers(
  tables: readonly TableFacts[],
): Record<string, ConfigValue | Reasoned> | undefined {
  const people = findPeople(tables);
  if (!people) return undefined;
  const platform = platformUsers(people, tables);
  const table = platform ?? people;
  const key = keyOf(table);
  if (!key) return undefined;
  const needed: Record<string, NeededSet> = {};
  const rows = testUsers.map((user) => rowOf(table, user, { tables, needed, depth: 0 }));
  const reason = platform
    ? `${table.sql}: the platform creates the row of ${people.name} by a trigger`
    : `${table.name}: the free and the pro test user`;
  return {
    ...needed,
    users: because(reason, {
      table: table.sql,
      key,
      once: onceOf(rows[0] ?? {}, key),
      rows,
    }),
  };
}

/** The columns that a person changes, and times, which are others in each run. */
function onceOf(row: SeedRow, key: readonly string[]): string[] | undefined {
  const once = Object.entries(row).flatMap(([column, value]) => {
    const isChanged = hasWord(column, ['name', 'password', 'image', 'avatar']);
    return !key.includes(column) && (isChanged || value === now) ? [column] : [];
  });
  return once.length > 0 ? once : undefined;
}

const now: ConfigValue = { $sql: 'now()' };

/** The table `auth.users`, where a trigger on it creates the people of the application. */
function platformUsers(people: TableFacts, tables: readonly TableFacts[]): TableFacts | undefined {
  const [id] = people.primaryKey;
  const target = people.columns.find(({ name }) => name === id)?.references?.table;
  return tables.find(({ key, schema }) => key === target && schema === 'auth');
}

/** The columns of a unique index: the address, and what people write before what the server numbers. */
function keyOf(table: TableFacts): string[] | undefined {
  const email = emailOf(table);
  if (email) return [email.name];
  const written = table.unique.find((names) =>
    table.columns
      .filter(({ name }) => names.includes(name))
      .every(({ isFilled, notNull, kind }) => notNull && !isFilled && kind !== 'uuid'),
  );
  return written ?? (table.primaryKey.length > 0 ? table.primaryKey : table.unique[0]);
}

interface Surroundings {
  tables: readonly TableFacts[];
  /** Sets of rows that the row refers to, by name. */
  needed: Record<string, NeededSet>;
  depth: number;
}

type SeedRow = Record<string, ConfigValue>;

type NeededSet = { table: string; key: string[]; once?: string[] | undefined; rows?: SeedRow[] };

type TestUser = (typeof testUsers)[number];

function rowOf(table: TableFacts, user: TestUser, around: Surroundings): SeedRow {
  const key = keyOf(table) ?? [];
  const wanted = table.columns.filter(
    (column) =>
      key.includes(column.name) || isOfUser(column) || (column.notNull && !column.isFilled),
  );
  return Object.fromEntries(
    wanted.map((column) => [column.name, valueOf(column, user, { table, ...around })]),
  );
}

function isOfUser({ name, kind, isFilled, references }: ColumnFacts): boolean {
  if (references || !['text', 'enum'].includes(kind)) return false;
  const phrase = wordsOf(name).join(' ');
  const isPlan = ['plan tier', 'plan', 'tier', 'subscription tier'].includes(phrase);
  return isPlan || (!isFilled && ['email', 'name', 'full name', 'display name'].includes(phrase));
}

function valueOf(
  column: ColumnFacts,
  user: TestUser,
  { table, tables, needed, depth }: Surroundings & { table: TableFacts },
): ConfigValue {
  const { name, kind, labels, references } = column;
  const target = references && tables.find(({ key }) => key === references.table);
  if (target && target.key !== table.key && depth < 3) {
    const row = rowOf(target, user, { tables, needed, depth: depth + 1 });
    const key = keyOf(target) ?? [];
    const { rows = [], ...set } = needed[target.name] ?? {
      table: target.sql,
      key,
      once: onceOf(row, key),
    };
    const isNew = rows.every((each) => key.some((part) => each[part] !== row[part]));
    needed[target.name] = { ...set, rows: isNew ? [...rows, row] : rows };
    return { $ref: [target.name, ...key.map((each) => row[each] ?? '')] };
  }
  const phrase = wordsOf(name).join(' ');
  if (phrase.includes('email') && kind === 'text') return `${user.plan}@example.com`;
  if (/\b(?:plan|tier)\b/.test(phrase))
    return labels.includes(user.plan) || labels.length === 0 ? user.plan : (labels[0] ?? user.plan);
  if (labels.length > 0) return labels[0] ?? '';
  if (kind === 'text') return textOf(column, user, table);
  if (kind === 'uuid') return user.uuid;
  if (kind === 'number') return column.isPositive ? 1 : 0;
  if (kind === 'boolean') return false;
  if (kind === 'json') return {};
  if (kind === 'time') return now;
  if (kind === 'array') return { $sql: "'{}'" };
  return { $sql: 'default' };
}

/** Returns text that differs between the two users and has the form of names of hosts and logins. */
function textOf({ name }: ColumnFacts, user: TestUser, table: TableFacts): string {
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
