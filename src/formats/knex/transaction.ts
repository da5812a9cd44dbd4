import type { Knex } from 'knex';
import type { Session } from '../../db/session.ts';
import type { KnexSettings } from './knexfile.ts';
import { answeredHere, type ModuleConnection } from '../shared/module-connection.ts';

/** The part of knex's `Transaction` (`lib/execution/transaction.js`) that is replaced here. */
interface Transaction {
  query(connection: unknown, sql: string, status?: 1 | 2, value?: unknown): Promise<unknown>;
  begin(connection: unknown): Promise<unknown>;
  commit(connection: unknown, value?: unknown): Promise<unknown>;
  rollback(connection: unknown, error?: unknown): Promise<unknown>;
}

/** How the queries of a module reach the database. */
interface QueryRoute {
  settings: KnexSettings;
  to: ModuleConnection;
  knexOver(connection: ModuleConnection): Knex;
}

/** A transaction object of knex that consecutive modules share. */
interface SharedTransaction {
  settings: KnexSettings;
  transaction: Knex.Transaction;
  /** The connection of the current module. */
  to: ModuleConnection;
  /** Whether a module has started a nested transaction: the next module would wait until it ends. */
  isNested: boolean;
}

const free = new WeakMap<Session, SharedTransaction>();

/**
 * Runs a migration with a transaction object of knex whose BEGIN, COMMIT and ROLLBACK are not sent,
 * because dbops controls the transaction. Nested transactions are savepoints, as in knex.
 *
 * The modules of a session share the object, as in a run of knex: creating one takes as long as
 * building the statements of a module.
 */
export async function runWithin(
  session: Session,
  way: QueryRoute,
  migrate: (knex: unknown) => unknown,
): Promise<void> {
  const known = free.get(session);
  free.delete(session); // not reused after a module fails
  const shared = known?.settings === way.settings ? known : await share(way);
  shared.to = way.to;
  const { transaction } = shared;
  await migrate(transaction);
  if (transaction.isCompleted()) await transaction.executionPromise;
  else if (!shared.isNested) free.set(session, shared);
}

async function share({ settings, to, knexOver }: QueryRoute): Promise<SharedTransaction> {
  const shared = { settings, to, isNested: false };
  const instance = knexOver({
    processID: to.processID,
    query: (...query) => shared.to.query(...query),
  });
  keepOurs(instance);
  const transaction = await instance.transaction();
  const { context } = transaction as unknown as { context: Pick<Knex, 'transaction'> };
  const begin = context.transaction.bind(context);
  context.transaction = ((...rest: Parameters<typeof begin>) => {
    shared.isNested = true;
    return begin(...rest);
  }) as typeof begin;
  return Object.assign(shared, { transaction });
}

/** Makes the outermost transaction of an instance send nothing itself. */
function keepOurs({ client }: Knex): void {
  const begin = client.transaction.bind(client) as (...rest: unknown[]) => Transaction;
  client.transaction = (...rest: unknown[]) =>
    Object.assign(begin(...rest), {
      begin(this: Transaction, connection: unknown) {
        return this.query(connection, answeredHere);
      },
      commit(this: Transaction, connection: unknown, value: unknown) {
        return this.query(connection, answeredHere, 1, value);
      },
      rollback(this: Transaction, connection: unknown, error = new Error('It rolled back.')) {
        return this.query(connection, answeredHere, 2, error);
      },
    });
}
