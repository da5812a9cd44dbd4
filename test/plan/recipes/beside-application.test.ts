import { describe, expect, it } from 'vitest';
import { codeOf } from '../../../src/db/connection-error.ts';
import type { Session } from '../../../src/db/session.ts';
import { sqlstate } from '../../../src/db/sqlstate.ts';
import { splitStatements } from '../../../src/sql/statements.ts';
import { withSession } from '../../db/session.ts';
import { newest, withDatabase } from '../../db/targets.ts';
import { tables } from './cases.ts';
import { filesFor, inRolledBackTransaction } from './recipe-files.ts';

interface BlockingCase {
  recipe: string;
  sql: string;
  /** A statement of the application that waits for the original, and not for the recipe. */
  application: string;
  /** SQL before the migration, after `tables`. */
  setup?: string;
  /** Steps that let the application go on although they only change the catalog. */
  light?: RegExp;
}

const write = (table: string) => `UPDATE ${table} SET id = id WHERE id = 3`;

const read = (table: string) => `SELECT count(*) FROM ${table}`;

const cases: BlockingCase[] = [
  {
    recipe: 'check-not-valid',
    sql: 'ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)',
    application: read('orders'),
  },
  {
    recipe: 'foreign-key-not-valid',
    sql: 'ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES customers',
    application: write('customers'),
  },
  {
    recipe: 'not-null-validated',
    sql: 'ALTER TABLE orders ALTER COLUMN total SET NOT NULL',
    application: read('orders'),
  },
  {
    recipe: 'unique-using-index',
    sql: 'ALTER TABLE customers ADD CONSTRAINT one_email UNIQUE (email)',
    application: read('customers'),
  },
  {
    recipe: 'index-concurrently',
    sql: 'CREATE INDEX customers_name ON customers (name)',
    application: write('customers'),
  },
  {
    recipe: 'drop-index-concurrently',
    sql: 'DROP INDEX orders_note',
    application: read('orders'),
  },
  {
    recipe: 'reindex-concurrently',
    sql: 'REINDEX INDEX orders_total',
    application: write('orders'),
  },
  {
    recipe: 'index-replaced-concurrently',
    sql: 'DROP INDEX orders_total; CREATE INDEX orders_total ON orders (total, id)',
    application: read('orders'),
  },
  {
    recipe: 'primary-key-using-index',
    sql: 'ALTER TABLE orders ADD PRIMARY KEY (id, total)',
    application: read('orders'),
  },
  {
    recipe: 'primary-key-replaced',
    setup: 'ALTER TABLE orders ADD PRIMARY KEY (id)',
    sql: 'ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (customer_id)',
    application: read('orders'),
  },
  {
    recipe: 'column-then-constraints',
    sql: 'ALTER TABLE orders ADD COLUMN qty int CHECK (qty > 0) UNIQUE',
    application: read('orders'),
  },
  {
    recipe: 'volatile-default-later',
    sql: 'ALTER TABLE orders ADD COLUMN key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE',
    application: read('orders'),
  },
  {
    recipe: 'numbered-column-later',
    sql: 'ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
    application: read('orders'),
  },
  {
    recipe: 'varchar-check',
    sql: 'ALTER TABLE customers ALTER COLUMN name TYPE varchar(20)',
    application: read('customers'),
  },
  {
    recipe: 'partitioned-index',
    sql: 'CREATE INDEX ON visits (at)',
    application: write('visits_us'),
  },
  {
    recipe: 'unique-using-index, of a partitioned table',
    sql: 'ALTER TABLE events ADD UNIQUE (customer_id, at)',
    application: write('events_2026'),
  },
  {
    recipe: 'foreign-key-not-valid, of a partitioned table',
    sql: 'ALTER TABLE visits ADD FOREIGN KEY (id) REFERENCES customers',
    application: write('customers'),
  },
  {
    recipe: 'table-then-foreign-keys',
    sql: 'CREATE TABLE payments (id int REFERENCES customers)',
    application: write('customers'),
  },
  {
    recipe: 'new-partition-attached',
    sql: "CREATE TABLE events_2028 PARTITION OF events FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')",
    application: read('events'),
    light: /ATTACH PARTITION/,
  },
  {
    recipe: 'attach-partition',
    setup: 'CREATE TABLE events_rest PARTITION OF events DEFAULT; CREATE TABLE later (LIKE events)',
    sql: "ALTER TABLE events ATTACH PARTITION later FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')",
    application: read('events'),
  },
  {
    recipe: 'detach-concurrently',
    sql: 'ALTER TABLE events DETACH PARTITION events_2027',
    application: read('events'),
  },
  {
    recipe: 'backfill-apart',
    sql: 'ALTER TABLE orders ADD paid boolean; UPDATE orders SET paid = true',
    application: read('orders'),
  },
];

/** The steps that read or write many rows; the others only change the catalog. */
const works = /\bVALIDATE\b|\bCONCURRENTLY\b|^UPDATE\b/;

describe.each(newest)('an application beside a migration on $name', (server) => {
  it.each(cases)('waits for the original, and not for the work of $recipe', (each) =>
    withDatabase(server, (url) =>
      withSession(url, async (migrating) => {
        await migrating.script(`${tables} ${each.setup ?? ''}`);
        const { files } = await inRolledBackTransaction(migrating, () =>
          filesFor(migrating, each.sql),
        );
        await withSession(url, async (application) => {
          await application.script("SET lock_timeout = '50ms'");
          const original = await inRolledBackTransaction(migrating, async () => {
            await migrating.script(each.sql);
            return waits(application, each.application);
          });
          expect(original).toBe(true);
          const steps = await Promise.all(files.map(({ sql }) => splitStatements(sql)));
          for (const { sql } of steps.flat())
            expect([sql, await waitsDuring({ url, migrating, application }, sql, each)]).toEqual([
              sql,
              false,
            ]);
        });
      }),
    ),
  );
});

/** Returns whether a statement of the application waits for a lock. */
async function waits(application: Session, sql: string): Promise<boolean> {
  try {
    await application.script(sql);
    return false;
  } catch (error) {
    if (codeOf((error as Error).cause) !== sqlstate.lockNotAvailable) throw error;
    return true;
  }
}

interface Sessions {
  url: string;
  migrating: Session;
  application: Session;
}

/** Runs a step of a recipe, and returns whether the application waits for the locks under which it works. */
async function waitsDuring(
  { url, migrating, application }: Sessions,
  sql: string,
  { application: statement, light }: BlockingCase,
): Promise<boolean> {
  const isLight = light?.test(sql) === true;
  if (!works.test(sql) && !isLight) {
    await migrating.script(sql);
    return false;
  }
  if (!/\bCONCURRENTLY\b/.test(sql)) {
    await migrating.script(`BEGIN; ${sql}`);
    const found = await waits(application, statement);
    await migrating.script('COMMIT');
    return found;
  }
  // CONCURRENTLY waits for the transactions that are older: it is at work while this one is open.
  return withSession(url, async (older) => {
    await older.script(
      'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM customers LIMIT 1; SELECT FROM orders LIMIT 1; SELECT FROM events LIMIT 1',
    );
    const done = migrating.alone(sql);
    while (!(await isWaiting(application, migrating.pid))) await Promise.resolve();
    const found = await waits(application, statement);
    await older.script('COMMIT');
    await done;
    return found;
  });
}

async function isWaiting(session: Session, pid: number): Promise<boolean> {
  const [row] = await session.query<{ waits: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted) AS waits`,
    [pid],
  );
  return row?.waits ?? false;
}
