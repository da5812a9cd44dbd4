import type { Session } from '../../db/session.ts';
import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type Reasoned } from './entry.ts';
import { tablesFilledBy } from './sign-up.ts';
import {
  keyOf,
  refersToUsers,
  refToUser,
  rowOf,
  testUsers,
  type TestRowContext,
} from './test-rows.ts';
import { columnNamed, hasWord, planNames } from './words.ts';

/** A table with a plan for each user, or for each organization of users. */
interface Subscriptions {
  table: TableFacts;
  /** The column that refers to the user or to the organization. */
  owner: ColumnFacts;
  plan: ColumnFacts;
}

/** Returns the set of rows with the plans of the test users, where a table of subscriptions holds them. */
export async function proposePlans(
  session: Session,
  around: TestRowContext,
): Promise<Record<string, Reasoned>> {
  const { tables, users } = around;
  const found = columnNamed(users, planNames, ['text', 'enum']) ? undefined : find(around);
  if (!found) return {};
  const { table, owner, plan } = found;
  const key = isUnique(table, owner) ? [owner.name] : keyOf(table);
  if (!key || !key.every((name) => canBeGiven(table, name))) return {};
  const group = tables.find((each) => each.key === owner.references?.table);
  if (group && !refersToUsers(owner, around)) await expectFromSignUp(session, group, around);
  const also = [owner.name, plan.name];
  const rows = testUsers.map((user) => rowOf(table, user, around, { key, also }));
  const reason = `${table.name}.${plan.name}: the plans of the test users`;
  return { [table.name]: because(reason, { table: table.sql, key, rows }) };
}

/** A plan of the user is likelier than one of the organization. */
function find(around: TestRowContext): Subscriptions | undefined {
  const { tables } = around;
  const isOfUser = (column: ColumnFacts) => refersToUsers(column, around);
  const isOfGroup = ({ references }: ColumnFacts) =>
    tables.some(({ key, columns }) => key === references?.table && columns.some(isOfUser));
  const found = tables.flatMap((table): Subscriptions[] => {
    const plan = columnNamed(table, planNames, ['text', 'enum']);
    const owner = table.columns.find(isOfUser) ?? table.columns.find(isOfGroup);
    return plan && owner && hasWord(table.name, ['subscription']) ? [{ table, owner, plan }] : [];
  });
  return found.find(({ owner }) => isOfUser(owner)) ?? found[0];
}

function isUnique({ unique }: TableFacts, { name }: ColumnFacts): boolean {
  return unique.some(([only, another]) => only === name && another === undefined);
}

/** The two rows need different values that no other row has. */
function canBeGiven({ columns }: TableFacts, name: string): boolean {
  const column = columns.find((each) => each.name === name);
  return column?.references !== undefined || ['uuid', 'text'].includes(column?.kind ?? '');
}

/** Where a trigger creates the organization of a new user, that row is found instead of inserted. */
async function expectFromSignUp(
  session: Session,
  group: TableFacts,
  around: TestRowContext,
): Promise<void> {
  const { users, tables, needed } = around;
  const owner = group.columns.find(
    (column) =>
      refersToUsers(column, around) &&
      [...group.unique, ...group.partlyUnique].some((columns) => columns.join() === column.name),
  );
  if (!owner || !(await tablesFilledBy(session, users, tables)).has(group.key)) return;
  const rows = testUsers.map((user) => ({ [owner.name]: refToUser(user, around) }));
  needed.set(group.name, { table: group.sql, key: [owner.name], createdByTrigger: true, rows });
}
