import { resolve } from 'node:path';
import { definition } from '../backfill/shop.ts';

/** A command that is interrupted, and what the database holds before it. */
export interface Scenario {
  name: string;
  /** Files of the project; none for one without migrations. */
  files: Record<string, string>;
  /** Command lines, and SQL, that prepare the database. */
  prepare: readonly (readonly string[] | string)[];
  command: readonly string[];
}

const bundled = resolve(import.meta.dirname, '../../migrations');

const rows = (count: number) => `generate_series(1, ${count}) n`;

const shop = {
  'migrations/0001_shop.up.sql': `CREATE TABLE orders (id int PRIMARY KEY, note text, price numeric(10,4));
    CREATE TABLE lines (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item int REFERENCES orders);`,
  'migrations/0002_more.up.sql': `ALTER TABLE orders ADD COLUMN extra text;
    CREATE TABLE notes (id int PRIMARY KEY, body text);`,
  'migrations/0003_index.up.sql': `CREATE INDEX lines_item ON lines (item);
    CREATE VIEW open_orders AS SELECT id, extra FROM orders;`,
  'migrations/0004_less.up.sql': 'ALTER TABLE orders DROP COLUMN note; DROP TABLE lines;',
};

const fillShop = `INSERT INTO orders (id, note, price) SELECT n, 'note ' || n, n / 7.0 FROM ${rows(3_000)};
  INSERT INTO lines (item) SELECT n FROM ${rows(3_000)};`;

const fillMore = `UPDATE orders SET extra = 'extra ' || id;
  INSERT INTO notes SELECT n, repeat('b', 200) FROM ${rows(3_000)};`;

const up: Scenario = {
  name: 'migrate up',
  files: {
    'migrations/0001_tables.up.sql': `CREATE TABLE t (id int, x int);
      INSERT INTO t SELECT n, n FROM ${rows(20_000)}`,
    'migrations/0002_indexes.up.sql': `-- dbops: no-transaction
      CREATE INDEX CONCURRENTLY t_x ON t (x);
      ALTER TABLE t ADD COLUMN y int;
      CREATE INDEX CONCURRENTLY t_y ON t (y);`,
    'migrations/0003_rows.up.sql': 'UPDATE t SET y = x; INSERT INTO t VALUES (0, 0, 0)',
    'migrations/0004_once.up.sql': 'CREATE TABLE made_once AS SELECT id FROM t',
    'migrations/0005_last.up.sql': `-- dbops: no-transaction
      DROP INDEX CONCURRENTLY t_x;
      CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);`,
  },
  prepare: [],
  command: ['migrate', 'up'],
};

const upWithLoss: Scenario = {
  name: 'migrate up that destroys rows',
  files: shop,
  prepare: [['migrate', 'up', '--to', '0003_index'], fillShop, fillMore],
  command: ['migrate', 'up'],
};

const down: Scenario = {
  name: 'migrate down with copies of rows',
  files: shop,
  prepare: [['migrate', 'up', '--to', '0003_index'], fillShop, fillMore, ['migrate', 'up']],
  command: ['migrate', 'down', '--to', '0001_shop'],
};

const restore: Scenario = {
  name: 'rescue restore',
  files: shop,
  prepare: [
    ['migrate', 'up', '--to', '0003_index'],
    fillShop,
    ['migrate', 'up'],
    ['migrate', 'down', '--no-restore'],
  ],
  command: ['rescue', 'restore', '0004_less'],
};

const repair: Scenario = {
  name: 'repair-tracking --apply',
  files: shop,
  prepare: [
    ['migrate', 'up', '--to', '0003_index'],
    "DELETE FROM dbops.migrations WHERE name <> '0001_shop'",
  ],
  command: ['repair-tracking', '--apply'],
};

const backfill: Scenario = {
  name: 'backfill run',
  files: {},
  prepare: [
    `CREATE TABLE content (id int PRIMARY KEY, organization_id int);
     INSERT INTO content SELECT n, 100 + n % 7 FROM ${rows(20)};
     CREATE TABLE purchases (id int PRIMARY KEY, content_id int, organization_id int);
     INSERT INTO purchases SELECT n, 1 + n % 20 FROM ${rows(20_000)};
     CREATE INDEX ON purchases (content_id); ANALYZE;`,
  ],
  command: ['backfill', 'run', ...definition, '--batch-time', '30ms', '--max-rate', '20000'],
};

/** The bundled application. */
const seed: Scenario = {
  name: 'seed',
  files: {},
  prepare: [['migrate', 'up', '--migrations', bundled]],
  command: ['seed', '--migrations', bundled],
};

export const scenarios: readonly Scenario[] = [
  up,
  upWithLoss,
  down,
  restore,
  repair,
  backfill,
  seed,
];
