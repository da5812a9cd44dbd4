import type { Session } from '../../db/session.ts';
import { withoutLeadingComments } from '../../sql/statement-text.ts';
import type { StatementObservation } from '../observation.ts';
import { readNotices, type Notice } from './notices.ts';
import { beginCounting, readLocked, readRelations } from './relations.ts';
import {
  recordAlone,
  Transaction,
  type ForeignKeyTables,
  type KnownLock,
  type Observed,
} from './transaction.ts';

export type { KnownLock, Observed } from './transaction.ts';

/** Observes the statements of migrations in a shadow. */
export interface Observer {
  /** Begins a transaction in the shadow, in which the server reports scans, rewrites and index builds. */
  begin(): Promise<void>;
  /** Rolls back what `begin` began, and forgets its statements. */
  rollback(): Promise<void>;
  /** Runs a statement inside a transaction and returns what it did. @throws its error */
  observe<T>(statement: Observed, run: () => Promise<T>): Promise<T>;
  /** Runs a statement outside a transaction, whose locks end with it. @throws its error */
  observeAlone<T>(statement: ObservedAlone, run: () => Promise<T>): Promise<T>;
  /** Returns the observations of a migration, and forgets them. */
  take(): StatementObservation[];
}

/** A statement with the locks that the server manual gives it. */
export interface ObservedAlone extends Observed {
  locks: readonly KnownLock[];
  waitsForTransactions: boolean;
  notObserved: string;
}

/** Returns an observer of a shadow in which no transaction is open. */
export async function observerOf(shadow: Session): Promise<Observer> {
  const english = await englishSetting(shadow);
  const verbose = `SET LOCAL client_min_messages = debug1${english}`;
  let transaction = new Transaction(await readRelations(shadow), -1);
  let observations: StatementObservation[] = [];
  return {
    async begin() {
      await beginCounting(shadow, verbose);
      transaction = new Transaction(transaction.relations, transaction.number + 1);
    },
    async rollback() {
      const { number } = transaction;
      observations = observations.filter((each) => each.transaction !== number);
      transaction = new Transaction(transaction.rolledBack(), number - 1);
      await shadow.script('ROLLBACK').catch(() => {}); // a lost session does not answer
    },
    async observe(statement, run) {
      const { result, notices } = await listening(shadow, run);
      const foreignKeys = await foreignKeysOf(shadow, notices.foreignKeys);
      const locked = changesSettings(statement)
        ? transaction.locked
        : await readLocked(shadow, verbose);
      observations.push(transaction.record(statement, { locked, notices, foreignKeys }));
      return result;
    },
    async observeAlone({ locks, waitsForTransactions, notObserved, ...statement }, run) {
      await shadow.client.query(`SET client_min_messages = debug1`);
      const { result, notices } = await listening(shadow, run).finally(() =>
        shadow.client.query('RESET client_min_messages').catch(() => {}),
      );
      const after = await readRelations(shadow);
      const number = transaction.number + 1;
      observations.push({
        ...recordAlone(statement, { before: transaction.relations, after, notices, locks }),
        transaction: number,
        waitsForTransactions,
        notObserved,
      });
      transaction = new Transaction(after, number);
      return result;
    },
    take() {
      const [first] = observations;
      const taken = observations.map((each) => ({
        ...each,
        transaction: each.transaction - (first?.transaction ?? 0),
      }));
      observations = [];
      return taken;
    },
  };
}

/** SET TRANSACTION ISOLATION LEVEL must be the first query of a transaction, after other settings. */
function changesSettings({ sql }: Observed): boolean {
  return /^set\b/i.test(withoutLeadingComments(sql));
}

/** The messages are translated by `lc_messages`, which only some roles may set. */
async function englishSetting(shadow: Session): Promise<string> {
  try {
    await shadow.script("BEGIN; SET LOCAL lc_messages = 'C'; ROLLBACK");
    return "; SET LOCAL lc_messages = 'C'";
  } catch {
    await shadow.script('ROLLBACK');
    return '';
  }
}

async function listening<T>(shadow: Session, run: () => Promise<T>) {
  const heard: Notice[] = [];
  const listen = (notice: Notice) => void heard.push(notice);
  shadow.client.on('notice', listen);
  try {
    const result = await run();
    return { result, notices: readNotices(heard) };
  } finally {
    shadow.client.off('notice', listen);
  }
}

/** Other partitions have foreign keys of the same name: the transaction has written those that it validates. */
async function foreignKeysOf(
  shadow: Session,
  names: readonly string[],
): Promise<ForeignKeyTables[]> {
  if (names.length === 0) return [];
  const { rows } = await shadow.client.query<{ from: string; to: string }>(
    `SELECT conrelid::pg_catalog.int8::pg_catalog.text AS "from", confrelid::pg_catalog.int8::pg_catalog.text AS "to"
     FROM pg_catalog.pg_constraint WHERE contype OPERATOR(pg_catalog.=) 'f'
       AND conname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.name[])
       AND pg_catalog.age(xmin) OPERATOR(pg_catalog.<=) pg_catalog.age(pg_catalog.pg_current_xact_id()::pg_catalog.xid)`,
    [names],
  );
  return rows.map(({ from, to }) => ({ referencing: Number(from), referenced: Number(to) }));
}
