import { quoteLiteral } from '../../db/quote.ts';
import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import { findPeople } from './users.ts';
import { columnNamed, deletedNames, planNames, timeOf, wordsOf } from './words.ts';

/** The table whose rows have limits, and the columns of other tables that name them. */
export interface Subjects {
  table: TableFacts;
  /** What the other tables refer to. */
  id: ColumnFacts;
  /** By the key of a table: its column. */
  referring: ReadonlyMap<string, ColumnFacts>;
}

/** What a customer of a product is called, the likelier first. */
const groups = [
  'organization',
  'organisation',
  'org',
  'workspace',
  'tenant',
  'team',
  'company',
  'account',
];
const people = ['user', 'customer', 'member', 'profile'];

/**
 * Returns the table that most others refer to as their organization, workspace or tenant, whatever it is called;
 * without one, that of the users; without users, the table to which most others refer.
 */
export function findSubjects(tables: readonly TableFacts[]): Subjects | undefined {
  const found = tables.flatMap((table) => candidatesOf(table, tables));
  const ofPeople = findPeople(tables);
  const sizeOf = (key: string | undefined) =>
    Math.max(
      0,
      ...found.filter(({ table }) => table.key === key).map((each) => each.referring.size),
    );
  const sizeOfPeople = sizeOf(ofPeople?.key);
  const rankOf = ({ table, referring }: Subjects) => {
    const phrase = wordsOf(table.name).join(' ');
    // An account is a customer, or where no other table is, a person.
    if (table.key === ofPeople?.key) return 1;
    if (groups.includes(phrase)) return 0;
    const ownsPeople = ofPeople !== undefined && referring.has(ofPeople.key);
    if (ownsPeople && referring.size >= Math.max(3, sizeOfPeople)) return 0;
    if (columnNamed(table, planNames, ['text', 'enum']) && referring.size > 1) return 0;
    if (people.includes(phrase)) return 1;
    const hasEvents = tables.some((each) => referring.has(each.key) && timeOf(each));
    return referring.size > 1 && hasEvents ? 2 : 3;
  };
  return found
    .filter((each) => each.referring.size > 0 && rankOf(each) < 3)
    .toSorted((a, b) => rankOf(a) - rankOf(b) || b.referring.size - a.referring.size)[0];
}

/** One for each column that others refer to: by a foreign key, or by the name of a unique column. */
function candidatesOf(table: TableFacts, tables: readonly TableFacts[]): Subjects[] {
  const unique = table.unique.flatMap(([column, another]) => (another ? [] : [column]));
  return table.columns
    .filter(({ name }) => unique.includes(name))
    .map((id) => {
      const others = tables.filter(({ key }) => key !== table.key);
      const pairs = others.flatMap((other) => {
        const column = other.columns.find((each) => refersTo(each, table, id));
        return column ? [[other.key, column] as const] : [];
      });
      return { table, id, referring: new Map(pairs) };
    });
}

function refersTo(column: ColumnFacts, table: TableFacts, id: ColumnFacts): boolean {
  if (column.references)
    return column.references.table === table.key && column.references.column === id.name;
  const words = wordsOf(column.name);
  return words.at(-1) === 'id' && words.length > 1 && column.name === id.name;
}

/** Returns `usage.subjects`. */
export function proposeSubjects(
  subjects: Subjects,
  tables: readonly TableFacts[],
): ConfigValue | Reasoned {
  const { table, id, referring } = subjects;
  const name = columnNamed(table, ['name', 'display name', 'title', 'email', 'full name', 'slug']);
  const slug = columnNamed(table, ['slug', 'handle', 'subdomain']);
  const deleted = columnNamed(table, deletedNames);
  const reason = `${table.name}: ${referring.size} tables refer to it by ${[...new Set([...referring.values()].map((each) => each.name))].slice(0, 3).join(', ')}`;
  return because(reason, {
    from: table.sql,
    id: `${table.sql}.${id.sql}`,
    name: name && `${table.sql}.${name.sql}`,
    slug: slug && `${table.sql}.${slug.sql}`,
    plan: planOf(subjects, tables),
    where: deleted && `${table.sql}.${deleted.sql} is null`,
  });
}

/** Returns the table with a plan for each subject, other than that of the subjects. */
export function subscriptionsOf(
  { referring }: Subjects,
  tables: readonly TableFacts[],
): { table: TableFacts; plan: ColumnFacts } | undefined {
  return tables.flatMap((table) => {
    const plan = referring.has(table.key)
      ? columnNamed(table, planNames, ['text', 'enum'])
      : undefined;
    return plan ? [{ table, plan }] : [];
  })[0];
}

function planOf(subjects: Subjects, tables: readonly TableFacts[]): Reasoned | string | undefined {
  const own = columnNamed(subjects.table, planNames, ['text', 'enum']);
  if (own) return `${subjects.table.sql}.${own.sql}${own.kind === 'enum' ? '::text' : ''}`;
  const found = subscriptionsOf(subjects, tables);
  const column = found && subjects.referring.get(found.table.key);
  if (!found || !column) return undefined;
  const { table, plan } = found;
  const status = columnNamed(table, ['status', 'state'], ['text', 'enum']);
  const active = status?.labels.find((label) => label === 'active') ?? 'active';
  const time = timeOf(table);
  const conditions = [
    `s.${column.sql} = ${subjects.table.sql}.${subjects.id.sql}`,
    ...(status ? [`s.${status.sql} = ${quoteLiteral(active)}`] : []),
  ];
  const order = time ? ` order by s.${time.sql} desc` : '';
  return because(
    `${table.name}.${plan.name}; without ${status ? 'an active' : 'a'} row, free`,
    `coalesce((select s.${plan.sql}::text from ${table.sql} s where ${conditions.join(' and ')}${order} limit 1), 'free')`,
  );
}
