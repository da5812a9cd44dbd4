import type { Client, QueryArrayResult, QueryConfig, QueryResult } from 'pg';
import { isConnectionLoss } from './connection-error.ts';
import { placedIn } from './script.ts';

/**
 * SQL that begins a transaction and has not been sent: it travels with the first statement inside,
 * because a message of its own is a round trip.
 */
export class Opening {
  #statements: readonly string[];

  constructor(statements: readonly string[]) {
    this.#statements = statements;
  }

  /** The statements that have to be sent first: all of them at the first call, and then none. */
  take(): readonly string[] {
    const statements = this.#statements;
    this.#statements = [];
    return statements;
  }
}

type Result = QueryResult | QueryArrayResult;

/**
 * Sends a query behind the statements of an opening.
 *
 * @returns what pg returns for the query alone: several results where its text has several statements
 */
export async function queryBehind(
  opening: readonly string[],
  client: Client,
  query: QueryConfig,
): Promise<unknown> {
  const prefix = opening.map((statement) => `${statement}; `).join('');
  if (prefix && isSimple(query)) {
    try {
      const results: unknown = await client.query({ ...query, text: `${prefix}${query.text}` });
      const own = (results as Result[]).slice(opening.length);
      return own.length > 1 ? own : (own[0] ?? nothing);
    } catch (error) {
      // The server parses a whole message before it runs the first statement. After a syntax error,
      // the opening has not run: it is sent again below, so that the query fails inside its transaction.
      if (isConnectionLoss(error)) throw placedIn(error, prefix.length);
      // pg rejects at the error, before it reads the transaction status: an empty query waits for it.
      await client.query('').catch(() => {});
      if (client.getTransactionStatus() !== 'I') throw placedIn(error, prefix.length);
    }
  }
  if (prefix) await client.query(prefix);
  return client.query(query);
}

/** The result that pg returns for a text without a statement. */
const nothing = { command: null, rowCount: null, oid: null, rows: [], fields: [] };

/** What takes the extended protocol, which has one statement a message (pg, `Query.requiresPreparation`). */
const extended = new Set(['name', 'rows', 'binary', 'queryMode']);

function isSimple({ values, ...rest }: QueryConfig): boolean {
  if (values && values.length > 0) return false;
  return Object.entries(rest).every(([key, value]) => !value || !extended.has(key));
}
