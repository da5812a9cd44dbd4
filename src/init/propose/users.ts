import type { Session } from '../../db/session.ts';
import type { TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import { proposePlans } from './plans.ts';
import {
  emailOf,
  keyOf,
  onceOf,
  peopleNames,
  rowOf,
  testUsers,
  type NeededSet,
  type TestRowContext,
} from './test-rows.ts';
import { hasWord, wordsOf } from './words.ts';

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
  const reason = platform
    ? `${table.sql}: the platform creates the row of ${people.name} by a trigger`
    : `${table.name}: the free and the pro test user`;
  const users = { table: table.sql, key, once: onceOf(rows[0] ?? {}, key), rows };
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
