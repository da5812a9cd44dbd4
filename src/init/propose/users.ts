import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import { hasWord, wordsOf } from './words.ts';

/** A test user: the word in its values, and the plan. */
const testUsers = [
  { plan: 'free', name: 'Free User', uuid: '00000000-0000-4000-8000-00000000f4ee' },
  { plan: 'pro', name: 'Pro User', uuid: '00000000-0000-4000-8000-000000000930' },
];

const peopleNames = ['user', 'account', 'profile', 'member', 'customer'];

/** Returns the table of the people that sign in: the likeliest name, with an address. */
export function findPeople(tables: readonly TableFacts[]): TableFacts | undefined {
  const named = peopleNames.flatMap((word) =>
    tables.filter(({ name }) => wordsOf(name).join(' ') === word),
  );
  return named.find(({ schema }) => schema !== 'auth');
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
  const needed: Record<string, ConfigValue | Reasoned> = {};
  const rows = testUsers.map((user) => rowOf(table, user, { tables, needed, depth: 0 }));
  const once = Object.keys(rows[0] ?? {}).filter(
    (column) => !key.includes(column) && hasWord(column, ['name', 'password', 'image', 'avatar']),
  );
  const reason = platform
    ? `${table.sql}: the platform creates the row of ${people.name} by a trigger`
    : `${table.name}: the free and the pro test user`;
  return {
    ...needed,
    users: because(reason, {
      table: table.sql,
      key,
      once: once.length > 0 ? once : undefined,
      rows,
    }),
  };
}

/** The table `auth.users`, where a trigger on it creates the people of the application. */
function platformUsers(people: TableFacts, tables: readonly TableFacts[]): TableFacts | undefined {
  const [id] = people.primaryKey;
  const target = people.columns.find(({ name }) => name === id)?.references?.table;
  return tables.find(({ key, schema }) => key === target && schema === 'auth');
}

/** The columns of a unique index: the address before the id. */
function keyOf(table: TableFacts): string[] | undefined {
  const byEmail = table.unique.find(([only, more]) => !more && only && hasWord(only, ['email']));
  return byEmail ?? (table.primaryKey.length > 0 ? table.primaryKey : table.unique[0]);
}

interface Surroundings {
  tables: readonly TableFacts[];
  /** Sets of rows that the row refers to, by name. */
  needed: Record<string, ConfigValue | Reasoned>;
  depth: number;
}

type TestUser = (typeof testUsers)[number];

function rowOf(
  table: TableFacts,
  user: TestUser,
  around: Surroundings,
): Record<string, ConfigValue> {
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
    needed[target.name] = { table: target.sql, key, rows: [row] };
    return { $ref: [target.name, ...key.map((each) => row[each] ?? '')] };
  }
  const phrase = wordsOf(name).join(' ');
  if (phrase.includes('email') && kind === 'text') return `${user.plan}@example.com`;
  if (/\b(?:plan|tier)\b/.test(phrase))
    return labels.includes(user.plan) || labels.length === 0 ? user.plan : (labels[0] ?? user.plan);
  if (labels.length > 0) return labels[0] ?? '';
  if (kind === 'text')
    return phrase.endsWith('name') && !phrase.endsWith('user name')
      ? user.name
      : `${phrase === 'id' ? wordsOf(table.name).join('_') : name}_test_${user.plan}`;
  if (kind === 'uuid') return user.uuid;
  if (kind === 'number') return 0;
  if (kind === 'boolean') return false;
  if (kind === 'json') return {};
  if (kind === 'time') return { $sql: 'now()' };
  return { $sql: 'default' };
}
