import type { Session } from '../../db/session.ts';
import type { TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import { proposePlans } from './plans.ts';
import { keyOf, rowOf, testUsers, type NeededSet, type TestRowContext } from './test-rows.ts';
import { hasWord, wordsOf } from './words.ts';

const peopleNames = ['user', 'account', 'profile', 'member', 'customer'];

/** Returns the table of the people that sign in: the likeliest name, with an address. */
export function findPeople(tables: readonly TableFacts[]): TableFacts | undefined {
  const named = peopleNames.flatMap((word) =>
    tables.filter(({ name }) => wordsOf(name).join(' ') === word),
  );
  return named.find(({ schema }) => schema !== 'auth');
}

/** Returns `seeds` with the free and the pro test user, the rows that they need, and their plans. */
export async function proposeUsers(
  session: Session,
  tables: readonly TableFacts[],
): Promise<Record<string, ConfigValue | Reasoned> | undefined> {
  const people = findPeople(tables);
  if (!people) return undefined;
  const platform = platformUsers(people, tables);
  const table = platform ?? people;
  const key = keyOf(table);
  if (!key) return undefined;
  const around: TestRowContext = { tables, users: table, people, needed: new Map() };
  const rows = testUsers.map((user) => rowOf(table, user, around));
  const before = setsOf(around.needed);
  const once = Object.keys(rows[0] ?? {}).filter(
    (column) => !key.includes(column) && hasWord(column, ['name', 'password', 'image', 'avatar']),
  );
  const reason = platform
    ? `${table.sql}: the platform creates the row of ${people.name} by a trigger`
    : `${table.name}: the free and the pro test user`;
  const users = { table: table.sql, key, once: once.length > 0 ? once : undefined, rows };
  const plans = await proposePlans(session, around);
  return {
    ...before,
    users: because(reason, users),
    ...setsOf(around.needed),
    ...plans,
  };
}

function setsOf(needed: ReadonlyMap<string, NeededSet>): Record<string, ConfigValue | Reasoned> {
  const sets = [...needed].map(([name, set]) => {
    const why = `${name}: a trigger creates one for each new user`;
    return [name, set.createdByTrigger ? because(why, { ...set }) : { ...set }] as const;
  });
  return Object.fromEntries(sets);
}

/** The table `auth.users`, where a trigger on it creates the people of the application. */
function platformUsers(people: TableFacts, tables: readonly TableFacts[]): TableFacts | undefined {
  const [id] = people.primaryKey;
  const target = people.columns.find(({ name }) => name === id)?.references?.table;
  return tables.find(({ key, schema }) => key === target && schema === 'auth');
}
