import * as fc from 'fast-check';

/**
 * Random DDL over a small pool of names, so that statements meet: most fail at some time, and a
 * case keeps those that the server takes.
 */
export function ddl(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: createTable },
    { weight: 1, arbitrary: fc.tuple(table, cascade).map(([t, c]) => `DROP TABLE ${t}${c}`) },
    { weight: 6, arbitrary: alterColumn },
    { weight: 4, arbitrary: alterTable },
    { weight: 3, arbitrary: parents },
    { weight: 3, arbitrary: index },
    { weight: 3, arbitrary: types },
    { weight: 3, arbitrary: programs },
    { weight: 1, arbitrary: words },
  );
}

const table = fc.constantFrom('t1', 't2', 't3', '"T 4"');
const column = fc.constantFrom('a', 'b', 'c', 'd', '"E"');
const label = fc.constantFrom('new', 'open', 'done', "it''s");
const cascade = fc.constantFrom('', ' CASCADE');

/** Types with a default that each of them takes. */
const typed = fc.constantFrom(
  ['int', '7'],
  ['bigint', '7'],
  ['text', "'x'"],
  ['varchar(20)', "'x'"],
  ['numeric(10,2)', '1.5'],
  ['boolean', 'false'],
  ['timestamptz', 'now()'],
  ['timestamp', "'2026-01-01'"],
  ['jsonb', "'{}'"],
  ['text[]', "'{}'"],
  ['uuid', 'gen_random_uuid()'],
  ['mood', "'new'"],
  ['mood[]', "'{}'"],
  ['positive', '1'],
);

const definition = fc
  .tuple(column, typed, fc.constantFrom('', '', ' NOT NULL'), fc.boolean(), fc.boolean())
  .map(([name, [type, value], notNull, hasDefault, isUnique]) => {
    const rest = `${hasDefault ? ` DEFAULT ${value}` : ''}${notNull}${isUnique ? ' UNIQUE' : ''}`;
    return `${name} ${type}${rest}`;
  });

const createTable = fc
  .tuple(
    table,
    fc.uniqueArray(definition, { maxLength: 4, selector: (text) => text.split(' ')[0] }),
  )
  .map(
    ([name, columns]) => `CREATE TABLE ${name} (${['id int PRIMARY KEY', ...columns].join(', ')})`,
  );

const alterColumn = fc.oneof(
  fc.tuple(table, definition).map(([t, d]) => `ALTER TABLE ${t} ADD COLUMN ${d}`),
  fc.tuple(table, column, cascade).map(([t, c, k]) => `ALTER TABLE ${t} DROP COLUMN ${c}${k}`),
  fc.tuple(table, column, column).map(([t, a, b]) => `ALTER TABLE ${t} RENAME COLUMN ${a} TO ${b}`),
  fc.tuple(table, column, typed, fc.boolean()).map(([t, c, [type], throughText]) => {
    const using = throughText ? `${c}::text::${type}` : `${c}::${type}`;
    return `ALTER TABLE ${t} ALTER ${c} DROP DEFAULT, ALTER ${c} TYPE ${type} USING ${using}`;
  }),
  fc
    .tuple(table, column, typed)
    .map(([t, c, [, value]]) => `ALTER TABLE ${t} ALTER ${c} SET DEFAULT ${value}`),
  fc
    .tuple(table, column, fc.constantFrom('SET NOT NULL', 'DROP NOT NULL', 'DROP DEFAULT'))
    .map(([t, c, change]) => `ALTER TABLE ${t} ALTER ${c} ${change}`),
);

const constraintName = fc.constantFrom('k1', 'k2', 'k3');

const alterTable = fc.oneof(
  fc.tuple(table, table).map(([a, b]) => `ALTER TABLE ${a} RENAME TO ${b}`),
  fc
    .tuple(table, constraintName, column)
    .map(([t, k, c]) => `ALTER TABLE ${t} ADD CONSTRAINT ${k} CHECK (${c} IS NOT NULL OR id > 0)`),
  fc
    .tuple(table, constraintName, column)
    .map(([t, k, c]) => `ALTER TABLE ${t} ADD CONSTRAINT ${k} UNIQUE (${c}, id)`),
  fc
    .tuple(
      table,
      constraintName,
      column,
      table,
      fc.constantFrom('', ' ON DELETE CASCADE', ' NOT VALID'),
    )
    .map(
      ([t, k, c, other, rest]) =>
        `ALTER TABLE ${t} ADD CONSTRAINT ${k} FOREIGN KEY (${c}) REFERENCES ${other} (id)${rest}`,
    ),
  fc.tuple(table, constraintName).map(([t, k]) => `ALTER TABLE ${t} DROP CONSTRAINT ${k}`),
  fc
    .tuple(table, constraintName, constraintName)
    .map(([t, a, b]) => `ALTER TABLE ${t} RENAME CONSTRAINT ${a} TO ${b}`),
  fc
    .tuple(table, fc.constantFrom('ENABLE', 'DISABLE', 'FORCE', 'NO FORCE'))
    .map(([t, change]) => `ALTER TABLE ${t} ${change} ROW LEVEL SECURITY`),
);

const part = fc.constantFrom('p1', 'p2', '"P 3"');
const bound = fc.constantFrom('FROM (0) TO (10)', 'FROM (10) TO (20)');

const parents = fc.oneof(
  fc.constant('CREATE TABLE p (id int NOT NULL, a int) PARTITION BY RANGE (id)'),
  part.map((name) => `CREATE TABLE ${name} (id int NOT NULL, a int)`),
  fc.tuple(part, bound).map(([name, of]) => `CREATE TABLE ${name} PARTITION OF p FOR VALUES ${of}`),
  fc
    .tuple(part, bound)
    .map(([name, of]) => `ALTER TABLE p ATTACH PARTITION ${name} FOR VALUES ${of}`),
  part.map((name) => `ALTER TABLE p ATTACH PARTITION ${name} DEFAULT`),
  part.map((name) => `ALTER TABLE p DETACH PARTITION ${name}`),
  fc.tuple(part, part).map(([a, b]) => `ALTER TABLE ${a} RENAME TO ${b}`),
  fc.constant('ALTER TABLE p ADD PRIMARY KEY (id)'),
  fc.constant('CREATE INDEX ON p (a)'),
  fc.tuple(table, table).map(([a, b]) => `ALTER TABLE ${a} INHERIT ${b}`),
  fc.tuple(table, table).map(([a, b]) => `ALTER TABLE ${a} NO INHERIT ${b}`),
);

const indexName = fc.constantFrom('i1', 'i2', 'i3');

const index = fc.oneof(
  fc
    .tuple(indexName, table, column, fc.constantFrom('', ' WHERE id > 5', ' INCLUDE (id)'))
    .map(([i, t, c, rest]) => `CREATE INDEX ${i} ON ${t} (${c})${rest}`),
  fc
    .tuple(indexName, table, column)
    .map(([i, t, c]) => `CREATE UNIQUE INDEX ${i} ON ${t} (lower(${c}::text))`),
  indexName.map((i) => `DROP INDEX ${i}`),
  fc.tuple(indexName, indexName).map(([a, b]) => `ALTER INDEX ${a} RENAME TO ${b}`),
);

const types = fc.oneof(
  fc.constant("CREATE TYPE mood AS ENUM ('new', 'open')"),
  fc
    .tuple(label, fc.constantFrom('', " BEFORE 'open'", " AFTER 'new'"))
    .map(([l, where]) => `ALTER TYPE mood ADD VALUE '${l}'${where}`),
  fc.tuple(label, label).map(([a, b]) => `ALTER TYPE mood RENAME VALUE '${a}' TO '${b}'`),
  cascade.map((c) => `DROP TYPE mood${c}`),
  fc.constant('ALTER TYPE mood RENAME TO feeling'),
  fc.constant('ALTER TYPE feeling RENAME TO mood'),
  fc.constant('CREATE DOMAIN positive AS int CHECK (VALUE > 0)'),
  cascade.map((c) => `DROP DOMAIN positive${c}`),
);

const viewName = fc.constantFrom('v1', 'v2');

const programs = fc.oneof(
  fc
    .tuple(viewName, table, column)
    .map(([v, t, c]) => `CREATE VIEW ${v} AS SELECT id, ${c} FROM ${t} WHERE id > 0`),
  fc
    .tuple(viewName, table)
    .map(([v, t]) => `CREATE MATERIALIZED VIEW ${v} AS SELECT count(*) AS n FROM ${t}`),
  fc.tuple(viewName, cascade).map(([v, c]) => `DROP VIEW ${v}${c}`),
  fc.tuple(viewName, cascade).map(([v, c]) => `DROP MATERIALIZED VIEW ${v}${c}`),
  fc.tuple(table, column).map(([t, c]) => `CREATE POLICY p ON ${t} USING (${c} IS NOT NULL)`),
  table.map((t) => `DROP POLICY p ON ${t}`),
  fc
    .constantFrom('NULL', '1', '2')
    .map(
      (v) =>
        `CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT ${v}::int'`,
    ),
  fc.constant(
    "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
  ),
  table.map((t) => `CREATE TRIGGER g BEFORE UPDATE ON ${t} FOR EACH ROW EXECUTE FUNCTION touch()`),
  table.map((t) => `DROP TRIGGER g ON ${t}`),
  fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} ALTER ${c} SET DEFAULT f()`),
  cascade.map((c) => `DROP FUNCTION f()${c}`),
);

const words = fc.oneof(
  table.map((t) => `COMMENT ON TABLE ${t} IS 'told'`),
  fc.tuple(table, column).map(([t, c]) => `COMMENT ON COLUMN ${t}.${c} IS 'it''s told'`),
  table.map((t) => `COMMENT ON TABLE ${t} IS NULL`),
  fc
    .tuple(table, fc.constantFrom('SELECT', 'INSERT'))
    .map(([t, right]) => `GRANT ${right} ON ${t} TO PUBLIC`),
);
