import * as own from 'kysely';
import type {
  Kysely,
  PostgresDialect,
  PostgresDriver,
  PostgresPool,
  PostgresPoolClient,
} from 'kysely';
import type { Session } from './session.ts';

/** The part of pg's `Client` that Kysely uses. */
export interface Connection {
  query: unknown;
  readonly processID: number;
}

/** Kysely itself: ours, or the one that a project has installed. */
export type KyselyPackage = Pick<typeof own, 'Kysely' | 'PostgresDialect'>;

/** Kysely over the one connection of a session: its locks, settings and transaction are ours. */
export function kyselyOf<DB>({ client, pid }: Session): Kysely<DB> {
  return kyselyOver<DB>({ query: client.query.bind(client), processID: pid });
}

/** Returns a Kysely over a connection that the caller opens and closes. */
export function kyselyOver<DB>(connection: Connection, kysely: KyselyPackage = own): Kysely<DB> {
  return new kysely.Kysely<DB>({ dialect: dialectOver(connection, kysely) });
}

/**
 * Kysely inside the transaction that the connection is in, for code that is not ours.
 *
 * @throws from `db.transaction()`, which would end our transaction half-way
 */
export function kyselyWithin(connection: Connection, kysely: KyselyPackage): Kysely<unknown> {
  const dialect = dialectOver(connection, kysely);
  const createDriver = () => {
    const driver = dialect.createDriver() as PostgresDriver;
    driver.beginTransaction = async () => {
      throw new Error(
        'A module that runs in a transaction cannot start another one: remove db.transaction() from it, or put "// dbops: no-transaction" on its first line.',
      );
    };
    return driver;
  };
  return new kysely.Kysely({
    dialect: {
      createDriver,
      createAdapter: () => dialect.createAdapter(),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createIntrospector: (db) => dialect.createIntrospector(db),
    },
  });
}

function dialectOver({ query, processID }: Connection, kysely: KyselyPackage): PostgresDialect {
  const connection = { query, processID, release() {} } as PostgresPoolClient;
  const pool: PostgresPool = { connect: async () => connection, end: async () => {}, options: {} };
  return new kysely.PostgresDialect({ pool });
}
