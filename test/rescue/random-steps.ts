import fc from 'fast-check';

/** SQL of one migration. */
export type Destruction = string;

const q = (name: string) => `"${name.replaceAll('"', '""')}"`;

interface Column {
  name: string;
  /** Types that it becomes, each narrower than the one before, with USING where that takes it. */
  narrower: string[];
}

interface Table {
  name: string;
  columns: Column[];
  /** Names of tables that refer to it. */
  children: string[];
}

/** Tables with a key, without one, with a foreign key, with partitions, in another schema. */
export const tables = {
  create: `CREATE SCHEMA "Other"; CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE half AS ENUM ('good');
    CREATE TABLE "A" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, price numeric(12, 4) NOT NULL DEFAULT 7, mood mood);
    CREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES "A", line text, big bigint);
    CREATE TABLE "Other".loose (v text, "W w" int, twice int GENERATED ALWAYS AS ("W w" * 2) STORED);
    CREATE TABLE p (id int, at int NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (10) TO (20);`,
  fill: `INSERT INTO "A" (note, price, mood) VALUES ('a', 1.2345, 'good'), (NULL, 2, 'bad'), ('c''', 3.5, NULL);
    INSERT INTO b (a, line, big) VALUES (1, 'x', 9007199254740993), (1, 'x', NULL), (3, NULL, 0), (NULL, 'y', 1);
    INSERT INTO "Other".loose VALUES ('same', 1), ('same', 1), ('same', 2), (NULL, NULL);
    INSERT INTO p VALUES (1, 1, 'one'), (2, 11, 'two'), (3, 12, NULL);`,
};

const model = (): Table[] => [
  {
    name: '"A"',
    children: ['b'],
    columns: [
      { name: 'note', narrower: ['varchar(1) USING %::varchar(1)', 'int USING length(%)'] },
      { name: 'price', narrower: ['numeric(12, 1)', 'int'] },
      { name: 'mood', narrower: [`half USING (CASE % WHEN 'good' THEN 'good' END)::half`] },
    ],
  },
  {
    name: 'b',
    children: [],
    columns: [
      { name: 'a', narrower: [] },
      { name: 'line', narrower: ['varchar(1) USING %::varchar(1)'] },
      { name: 'big', narrower: ['boolean USING % > 0'] },
    ],
  },
  {
    name: '"Other".loose',
    children: [],
    columns: [
      { name: 'v', narrower: ['varchar(2) USING %::varchar(2)'] },
      { name: 'W w', narrower: [] },
    ],
  },
  { name: 'p', children: [], columns: [{ name: 'note', narrower: ['int USING length(%)'] }] },
];

/** Picks of one statement: what to do, to which table, to which of its columns. */
const pick = fc.record({
  verb: fc.constantFrom(
    'drop column',
    'drop column',
    'narrow',
    'narrow',
    'drop table',
    'empty',
    'rename column',
    'rename table',
    'drop partition',
  ),
  table: fc.nat(99),
  column: fc.nat(99),
});

type Pick = typeof pick extends fc.Arbitrary<infer T> ? T : never;

/** SQL of a pick, and the model as it is after it; nothing where it does not apply. */
function sqlOf(current: Table[], { verb, table: at, column: which }: Pick, n: number): string[] {
  const table = current[at % Math.max(1, current.length)];
  if (!table) return [];
  const column = table.columns[which % Math.max(1, table.columns.length)];
  if (verb === 'drop table') {
    current.splice(current.indexOf(table), 1);
    return [`DROP TABLE ${table.name} CASCADE`];
  }
  if (verb === 'empty')
    return [
      table.children.length > 0 ? `TRUNCATE ${table.name} CASCADE` : `DELETE FROM ${table.name}`,
    ];
  if (verb === 'rename table') return renameTable(table, n);
  if (verb === 'drop partition')
    return table.name.startsWith('p') ? [`DROP TABLE IF EXISTS p_${1 + (which % 2)}`] : [];
  if (!column) return [];
  const alter = `ALTER TABLE ${table.name}`;
  if (verb === 'rename column') {
    const name = `Name ${n}`;
    const sql = `${alter} RENAME ${q(column.name)} TO ${q(name)}`;
    column.name = name;
    return [sql];
  }
  if (verb === 'drop column') {
    table.columns.splice(table.columns.indexOf(column), 1);
    return [`${alter} DROP COLUMN ${q(column.name)} CASCADE`];
  }
  const narrower = column.narrower.shift();
  if (narrower === undefined) return [];
  const type = narrower.replaceAll('%', () => q(column.name));
  return [`${alter} ALTER ${q(column.name)} DROP DEFAULT, ALTER ${q(column.name)} TYPE ${type}`];
}

function renameTable(table: Table, n: number): string[] {
  const [schema] = /^.*\./.exec(table.name) ?? [''];
  const name = q(`${table.name.startsWith('p') ? 'p ' : ''}Table ${n}`);
  const sql = `ALTER TABLE ${table.name} RENAME TO ${name}`;
  table.name = `${schema}${name}`;
  return [sql];
}

/** Two to five migrations, each of one to three statements that destroy or rename. */
export const randomDestruction: fc.Arbitrary<Destruction[]> = fc
  .array(fc.array(pick, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 5 })
  .map((migrations) => {
    const current = model();
    let n = 0;
    return migrations.map((picks) =>
      ['SELECT 1', ...picks.flatMap((one) => sqlOf(current, one, ++n))].join(';\n'),
    );
  });
