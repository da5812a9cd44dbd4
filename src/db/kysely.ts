import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import type { Session } from './session.ts';

/** Kysely over the one connection of a session: its locks, settings and transaction are ours. */
export function kyselyOf<DB>(session: Session): Kysely<DB> {
  const { client } = session;
  const query = client.query.bind(client) as PostgresPoolClient['query'];
  const connection: PostgresPoolClient = { query, processID: session.pid, release() {} };
  const pool: PostgresPool = { connect: async () => connection, end: async () => {}, options: {} };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}
