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
}

const write = (table: string) => `UPDATE ${table} SET id = id WHERE id = 3`;

const cases: BlockingCase[] = [
  {
    recipe: 'check-not-valid',
    sql: 'ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)',
    application: 'SELECT count(*) FROM orders',
  },
  {
    recipe: 'foreign-key-not-valid',
    sql: 'ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES customers',
    application: write('customers'),
  },
  {
    recipe: 'not-null-validated',
    sql: 'ALTER TABLE orders ALTER COLUMN total SET NOT NULL',
    application: 'SELECT count(*) FROM orders',
  },
  {
    recipe: 'unique-using-index',
    sql: 'ALTER TABLE customers ADD CONSTRAINT one_email UNIQUE (email)',
    application: 'SELECT count(*) FROM customers',
  },
  {
    recipe: 'index-concurrently',
    sql: 'CREATE INDEX customers_name ON customers (name)',
    application: write('customers'),
  },
  {
    recipe: 'drop-index-concurrently',
    sql: 'DROP INDEX orders_note',
    application: 'SELECT count(*) FROM orders',
  },
  {
    recipe: 'reindex-concurrently',
    sql: 'REINDEX INDEX orders_total',
    application: write('orders'),
  },
];

/** The steps that read or write many rows; the others only change the catalog. */
const works = /\bVALIDATE\b|\bCONCURRENTLY\b/;

describe.each(newest)('an application beside a migration on $name', (server) => {
  it.each(cases)('waits for the original, and not for the work of $recipe', (each) =>
    withDatabase(server, (url) =>
      withSession(url, async (migrating) => {
        await migrating.script(tables);
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
  { application: statement }: BlockingCase,
): Promise<boolean> {
  if (!works.test(sql)) {
    await migrating.script(sql);
    return false;
  }
  if (/\bVALIDATE\b/.test(sql)) {
    await migrating.script(`BEGIN; ${sql}`);
    const found = await waits(application, statement);
    await migrating.script('COMMIT');
    return found;
  }
  // CONCURRENTLY waits for the transactions that are older: it is at work while this one is open.
  return withSession(url, async (older) => {
    await older.script(
      'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM customers LIMIT 1; SELECT FROM orders LIMIT 1',
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
