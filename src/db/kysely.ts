import {
  Kysely,
  PostgresDialect,
  type PostgresDriver,
  type PostgresPool,
  type PostgresPoolClient,
} from 'kysely';
import type { Session } from './session.ts';

/** Kysely over the one connection of a session: its locks, settings and transaction are ours. */
export function kyselyOf<DB>(session: Session): Kysely<DB> {
  return new Kysely<DB>({ dialect: dialectOf(session) });
}

/**
 * Kysely inside the transaction that the session is in, for code that is not ours.
 *
 * @throws from `db.transaction()`, which would end our transaction half-way
 */
export function kyselyWithin(session: Session): Kysely<unknown> {
  const dialect = dialectOf(session);
  const createDriver = () => {
    const driver = dialect.createDriver() as PostgresDriver;
    driver.beginTransaction = async () => {
      throw new Error(
        'A module that runs in a transaction can not begin another: remove db.transaction() from it, or put "// dbops: no-transaction" on its first line.',
      );
    };
    return driver;
  };
  return new Kysely({
    dialect: {
      createDriver,
      createAdapter: () => dialect.createAdapter(),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createIntrospector: (db) => dialect.createIntrospector(db),
    },
  });
}

function dialectOf({ client, pid }: Session): PostgresDialect {
  const query = client.query.bind(client) as PostgresPoolClient['query'];
  const connection: PostgresPoolClient = { query, processID: pid, release() {} };
  const pool: PostgresPool = { connect: async () => connection, end: async () => {}, options: {} };
  return new PostgresDialect({ pool });
}
