/** A migration for which a recipe exists, on the tables of `tables`. */
export interface RecipeCase {
  title: string;
  /** The recipes that apply, in order. */
  recipes: string[];
  sql: string;
  /** SQL before the migration, after `tables`. */
  setup?: string;
  /** Whether others wait during the last statement for the locks of earlier ones only. */
  isHeldOnly?: boolean;
  /** What the report says, in order. */
  notes?: RegExp[];
  /** SQL that succeeds after the recipe. */
  afterwards?: string;
  /** How the schema differs, where the recipe makes another one: what the proof finds, and what the report says. */
  differs?: { from: number; found: RegExp; because: RegExp };
}

/** The tables of every case, with rows. */
export const tables = `CREATE SCHEMA "Shop";
CREATE TABLE customers (id int PRIMARY KEY, email text, name varchar(40));
CREATE TABLE orders (id int NOT NULL, customer_id int, total int, note text);
CREATE TABLE "Shop"."Order Lines" ("Id" int, "Order" int, qty int);
CREATE TABLE events (id int NOT NULL, at date NOT NULL, customer_id int) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE visits (id int, region text, at date) PARTITION BY LIST (region);
CREATE TABLE visits_eu PARTITION OF visits FOR VALUES IN ('de', 'fr') PARTITION BY RANGE (at);
CREATE TABLE visits_eu_2026 PARTITION OF visits_eu FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE visits_eu_rest PARTITION OF visits_eu DEFAULT;
CREATE TABLE visits_us PARTITION OF visits FOR VALUES IN ('us');
CREATE INDEX orders_note ON orders (note);
CREATE INDEX orders_total ON orders (total);
INSERT INTO customers SELECT n, 'e' || n, 'n' || n FROM generate_series(1, 5) n;
INSERT INTO orders SELECT n, n, n + 1, 'x' || n FROM generate_series(1, 5) n;
INSERT INTO "Shop"."Order Lines" SELECT n, n, n FROM generate_series(1, 5) n;
INSERT INTO events SELECT n, date '2026-11-28' + 20 * n, n FROM generate_series(1, 5) n;
INSERT INTO visits SELECT n, (ARRAY['de', 'fr', 'us'])[1 + n % 3], date '2026-11-28' + 20 * n FROM generate_series(1, 5) n;`;

const check: RecipeCase[] = [
  { title: 'a named check', sql: 'ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)' },
  { title: 'a check without a name', sql: 'alter table public.orders add check (total > 0)' },
  {
    title: 'a check of two columns, NO INHERIT',
    sql: 'ALTER TABLE orders ADD CHECK (total > customer_id) NO INHERIT;',
  },
  {
    title: 'a check whose generated name is taken',
    setup: 'ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK (total < 9)',
    sql: 'ALTER TABLE orders ADD CHECK (total > 0)',
  },
  {
    title: 'a check on a quoted table, below a comment',
    sql: `-- a comment above everything\n/* and another */ ALTER TABLE ONLY "Shop"."Order Lines" ADD CHECK ("Id" > 0) -- end`,
  },
  {
    title: 'a check on a partitioned table',
    sql: 'ALTER TABLE events ADD CONSTRAINT positive CHECK (id > 0)',
  },
].map((each) => ({ ...each, recipes: ['check-not-valid'] }));

const unique: RecipeCase[] = [
  { title: 'a unique constraint', sql: 'ALTER TABLE customers ADD UNIQUE (email)' },
  {
    title: 'a deferrable unique constraint with INCLUDE',
    sql: 'ALTER TABLE customers ADD CONSTRAINT one_email UNIQUE NULLS NOT DISTINCT (email, name) INCLUDE (id) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED',
  },
  {
    title: 'a unique constraint whose generated name is too long',
    setup: `CREATE TABLE a_table_with_a_name_that_is_quite_long_é (a_column_with_a_name_that_is_quite_long int, b int)`,
    sql: `ALTER TABLE a_table_with_a_name_that_is_quite_long_é ADD UNIQUE (a_column_with_a_name_that_is_quite_long, b)`,
  },
  {
    title: 'a unique constraint on quoted names',
    sql: 'ALTER TABLE IF EXISTS "Shop"."Order Lines" ADD UNIQUE ("Id", "Order")',
  },
  {
    title: 'a unique constraint with INCLUDE and without a name',
    sql: 'ALTER TABLE customers ADD UNIQUE (email) INCLUDE (name)',
  },
  {
    title: 'a unique constraint of a partitioned table',
    sql: 'ALTER TABLE events ADD CONSTRAINT once UNIQUE (customer_id, at) DEFERRABLE',
  },
  {
    title: 'a unique constraint of a partitioned table without partitions',
    setup: 'CREATE TABLE empty (id int, at date) PARTITION BY RANGE (at)',
    sql: 'ALTER TABLE empty ADD UNIQUE NULLS NOT DISTINCT (at)',
  },
  {
    title: 'a unique constraint of a partitioned table with partitioned partitions',
    sql: 'ALTER TABLE visits ADD UNIQUE (region, at, id)',
  },
].map((each) => ({ ...each, recipes: ['unique-using-index'] }));

const foreignKey: RecipeCase[] = [
  {
    title: 'a foreign key without a name',
    sql: 'ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE',
    notes: [/^No index of orders begins with customer_id: .*ON "orders" \("customer_id"\)$/],
  },
  {
    title: 'a foreign key whose columns begin an index',
    setup: 'CREATE INDEX ON orders (customer_id, id)',
    sql: 'ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers',
    notes: [],
  },
  {
    title: 'a deferrable foreign key on quoted names',
    sql: 'ALTER TABLE "Shop"."Order Lines" ADD CONSTRAINT "To Customer" FOREIGN KEY ("Order") REFERENCES public.customers (id) DEFERRABLE INITIALLY DEFERRED',
  },
  {
    title: 'a foreign key of a partitioned table',
    sql: 'ALTER TABLE events ADD FOREIGN KEY (customer_id) REFERENCES customers (id)',
  },
  {
    title: 'a foreign key of a partitioned table with partitioned partitions',
    sql: 'ALTER TABLE visits ADD CONSTRAINT visitor FOREIGN KEY (id) REFERENCES customers',
  },
].map((each) => ({ ...each, recipes: ['foreign-key-not-valid'] }));

const index: RecipeCase[] = [
  {
    title: 'an index',
    sql: 'CREATE INDEX by_total ON orders USING btree (total DESC) WHERE total > 0',
  },
  {
    title: 'a unique index without a name',
    sql: 'create unique index on public.orders (lower(note))',
  },
  { title: 'an index IF NOT EXISTS', sql: 'CREATE INDEX IF NOT EXISTS by_total ON orders (total)' },
].map((each) => ({ ...each, recipes: ['index-concurrently'] }));

const notNull: RecipeCase[] = [
  { title: 'NOT NULL', sql: 'ALTER TABLE orders ALTER COLUMN total SET NOT NULL' },
  {
    title: 'NOT NULL on quoted names',
    sql: 'alter table "Shop"."Order Lines" alter "Id" set not null',
  },
  {
    title: 'NOT NULL on a partitioned table',
    sql: 'ALTER TABLE events ALTER customer_id SET NOT NULL',
  },
].map((each) => ({ ...each, recipes: ['not-null-validated'] }));

/** NOT NULL of a partition is `n t f 1` where it is inherited only, and `n t t 1` where it is local too. */
const ownNotNull = {
  from: 18,
  found: /^\w+: expected (.*not_null n t )f( 1.*), found/,
  because: /keeps it if that of the parent is dropped/,
};

const others: RecipeCase[] = [
  {
    title: 'two indexes to drop',
    recipes: ['drop-index-concurrently'],
    sql: 'DROP INDEX IF EXISTS orders_note, public.orders_total',
  },
  {
    title: 'a column with a check and a default',
    recipes: ['column-then-constraints'],
    sql: 'ALTER TABLE orders ADD COLUMN "Qty" int NOT NULL DEFAULT 1 CHECK ("Qty" > 0)',
  },
  {
    title: 'a column with every constraint',
    recipes: ['column-then-constraints'],
    sql: 'ALTER TABLE orders ADD buyer int CONSTRAINT one_buyer UNIQUE REFERENCES customers ON DELETE SET NULL DEFERRABLE CHECK (buyer > 0)',
  },
  {
    title: 'a primary key',
    recipes: ['primary-key-using-index'],
    sql: 'ALTER TABLE orders ADD PRIMARY KEY (id)',
  },
  {
    title: 'a primary key of nullable columns',
    recipes: ['primary-key-using-index'],
    sql: 'ALTER TABLE "Shop"."Order Lines" ADD CONSTRAINT lines PRIMARY KEY ("Id", "Order")',
  },
  {
    title: 'a primary key of a partitioned table',
    recipes: ['primary-key-using-index'],
    sql: 'ALTER TABLE events ADD PRIMARY KEY (id, at)',
    differs: ownNotNull,
  },
  {
    title: 'a primary key of a partitioned table with partitioned partitions',
    recipes: ['primary-key-using-index'],
    sql: 'ALTER TABLE visits ADD CONSTRAINT visit PRIMARY KEY (region, id, at) INCLUDE (note)',
    differs: ownNotNull,
    setup: 'ALTER TABLE visits ADD note text',
  },
  {
    title: 'a foreign key before the index of its column',
    recipes: ['foreign-key-not-valid', 'index-concurrently'],
    sql: 'ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers; CREATE INDEX ON public.orders (customer_id)',
    notes: [],
  },
  {
    title: 'several commands',
    recipes: ['not-null-validated', 'unique-using-index', 'check-not-valid'],
    sql: `ALTER TABLE orders ADD CONSTRAINT bounded CHECK (size < 9), ADD COLUMN size int, DROP COLUMN note,
      ADD UNIQUE (total), ALTER total SET NOT NULL, ALTER customer_id SET DEFAULT 1`,
  },
  {
    title: 'an index to rebuild',
    recipes: ['reindex-concurrently'],
    sql: 'reindex (verbose) index public.orders_note',
  },
  {
    title: 'an index of a partitioned table',
    recipes: ['partitioned-index'],
    sql: 'CREATE UNIQUE INDEX ON events (id, at) INCLUDE (customer_id)',
  },
  {
    title: 'an index of a partitioned table with partitioned partitions',
    recipes: ['partitioned-index'],
    sql: 'CREATE INDEX visits_by_time ON visits USING btree (at DESC) WHERE id > 0',
  },
  {
    title: 'an index that replaces one of the same name',
    recipes: ['index-replaced-concurrently'],
    sql: 'DROP INDEX orders_total; CREATE INDEX orders_total ON public.orders USING btree (total, id);',
  },
  {
    title: 'another primary key, in one statement',
    recipes: ['primary-key-replaced'],
    setup: 'ALTER TABLE orders ADD PRIMARY KEY (id)',
    sql: 'ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, customer_id)',
  },
  {
    title: 'another primary key, in two statements',
    recipes: ['primary-key-replaced'],
    setup: 'ALTER TABLE orders ADD PRIMARY KEY (id)',
    sql: 'ALTER TABLE orders DROP CONSTRAINT orders_pkey; ALTER TABLE orders ADD CONSTRAINT by_customer PRIMARY KEY (customer_id) DEFERRABLE',
  },
  {
    title: 'an enum value that the file uses',
    recipes: ['enum-value-apart', 'backfill-apart'],
    setup: `CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE people (id int, mood mood)`,
    sql: `ALTER TYPE mood ADD VALUE 'happy' BEFORE 'sad'; UPDATE people SET mood = 'happy'`,
  },
  {
    title: 'a backfill below a schema change',
    recipes: ['backfill-apart'],
    sql: `-- first\nALTER TABLE orders ADD paid boolean;\n-- then\nUPDATE orders SET paid = true;\nCOMMENT ON TABLE orders IS 'paid'`,
  },
  {
    title: 'a long query below a schema change',
    recipes: ['work-apart'],
    isHeldOnly: true,
    sql: 'ALTER TABLE orders ADD paid boolean; CREATE TABLE copies AS SELECT * FROM customers',
  },
  {
    title: 'a table with foreign keys',
    recipes: ['table-then-foreign-keys'],
    sql: `CREATE TABLE public.payments (
      id int PRIMARY KEY, -- the key
      customer_id int NOT NULL REFERENCES customers (id) ON DELETE CASCADE DEFERRABLE UNIQUE,
      "Other" int CONSTRAINT "Other Customer" REFERENCES customers,
      parent int REFERENCES public.payments,
      amount numeric(10, 2) DEFAULT 0 CHECK (amount >= 0),
      FOREIGN KEY (parent) REFERENCES customers (id)
    ) WITH (fillfactor = 80)`,
  },
  {
    title: 'a partition',
    recipes: ['new-partition-attached'],
    setup:
      'ALTER TABLE events ADD PRIMARY KEY (id, at), ADD CHECK (id > 0); CREATE INDEX ON events (customer_id)',
    sql: `CREATE TABLE events_2028 PARTITION OF events FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')`,
  },
  {
    title: 'a partition beside a default partition',
    recipes: ['new-partition-attached'],
    setup:
      'CREATE TABLE events_rest PARTITION OF events DEFAULT; ALTER TABLE events ADD FOREIGN KEY (customer_id) REFERENCES customers; ALTER TABLE events ALTER id SET DEFAULT 1',
    sql: `create table "Events 2028" partition of public.events for values from ('2028-01-01') to (MAXVALUE)`,
  },
  {
    title: 'a table to attach beside a default partition',
    recipes: ['attach-partition'],
    setup:
      'CREATE TABLE events_rest PARTITION OF events DEFAULT; CREATE TABLE events_2028 (LIKE events)',
    sql: `ALTER TABLE events ATTACH PARTITION events_2028 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')`,
  },
  {
    title: 'a list partition to attach',
    recipes: ['attach-partition'],
    setup:
      'CREATE TABLE regions (code text, n int) PARTITION BY LIST (code); CREATE TABLE europe (code text, n int)',
    sql: `ALTER TABLE regions ATTACH PARTITION europe FOR VALUES IN ('de)', 'fr')`,
  },
  {
    title: 'a partition to detach',
    recipes: ['detach-concurrently'],
    sql: 'ALTER TABLE events DETACH PARTITION events_2027',
  },
  {
    title: 'a shorter varchar',
    recipes: ['varchar-check'],
    sql: 'ALTER TABLE customers ALTER COLUMN name TYPE varchar(20)',
    differs: {
      from: 15,
      found: /customers/,
      because: /^"customers"\."name" keeps its type; a CHECK limits its length to 20 characters/,
    },
  },
  {
    title: 'a column with a volatile default',
    recipes: ['volatile-default-later'],
    sql: 'ALTER TABLE orders ADD COLUMN key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE',
  },
  {
    title: 'a key with a volatile default, IF NOT EXISTS',
    recipes: ['volatile-default-later'],
    sql: 'ALTER TABLE orders ADD COLUMN IF NOT EXISTS "Key" uuid CONSTRAINT by_key PRIMARY KEY DEFERRABLE DEFAULT gen_random_uuid()',
  },
  {
    title: 'a column with a check, IF NOT EXISTS, beside another that exists',
    recipes: ['column-then-constraints'],
    sql: 'ALTER TABLE orders ADD IF NOT EXISTS qty int CHECK (qty > 0), ADD COLUMN IF NOT EXISTS note text CHECK (true)',
  },
  {
    title: 'a nullable column with a volatile default on a partitioned table',
    recipes: ['volatile-default-later'],
    sql: 'ALTER TABLE visits ADD COLUMN "Time of visit" timestamptz DEFAULT clock_timestamp()',
  },
  {
    title: 'several columns and a constraint on one of them',
    recipes: [
      'numbered-column-later',
      'volatile-default-later',
      'unique-using-index',
      'check-not-valid',
    ],
    sql: `ALTER TABLE "Shop"."Order Lines" ADD CONSTRAINT apart CHECK (a > 0), ADD COLUMN a bigserial, ADD plain int DEFAULT 1 NOT NULL,
      ADD COLUMN b uuid DEFAULT gen_random_uuid() NOT NULL, ADD UNIQUE (a, b)`,
  },
  {
    title: 'a serial column of an unqualified table in another schema',
    recipes: ['numbered-column-later'],
    setup: 'CREATE TABLE "Shop".stock (a_column_with_a_name_that_is_quite_long_1 int)',
    sql: `SET search_path = "Shop", public; ALTER TABLE stock ADD COLUMN a_column_with_a_name_that_is_even_longer_than_the_others_here smallserial UNIQUE`,
  },
  {
    title: 'a serial column',
    recipes: ['numbered-column-later'],
    sql: 'ALTER TABLE orders ADD COLUMN number serial',
    afterwards: `INSERT INTO orders (id) VALUES (6); DO $$ BEGIN ASSERT (SELECT max(number) = 6 FROM orders); END $$`,
  },
  {
    title: 'a serial key on quoted names, whose sequence name is taken',
    recipes: ['numbered-column-later'],
    setup: 'CREATE SEQUENCE "Shop"."Order Lines_Number_seq"',
    sql: 'alter table "Shop"."Order Lines" add "Number" bigserial primary key check ("Number" > 0)',
  },
  {
    title: 'a serial column of a partitioned table',
    recipes: ['numbered-column-later'],
    sql: 'ALTER TABLE events ADD COLUMN number smallserial',
  },
  {
    title: 'an identity column',
    recipes: ['numbered-column-later'],
    sql: 'ALTER TABLE orders ADD COLUMN number int GENERATED BY DEFAULT AS IDENTITY (START WITH 100 INCREMENT BY 5) UNIQUE',
    afterwards: `INSERT INTO orders (id) VALUES (6); DO $$ BEGIN ASSERT (SELECT max(number) = 125 FROM orders); END $$`,
  },
  {
    title: 'an identity key, IF NOT EXISTS',
    recipes: ['numbered-column-later'],
    sql: 'ALTER TABLE orders ADD COLUMN IF NOT EXISTS number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  },
];

export const recipeCases: RecipeCase[] = [
  ...check,
  ...unique,
  ...foreignKey,
  ...index,
  ...notNull,
  ...others,
];
