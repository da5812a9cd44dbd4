import { types } from 'pg';
import { type Opening, queryBehind } from '../../db/opening.ts';
import type { Session } from '../../db/session.ts';
import { splitStatements, SqlSyntaxError } from '../../sql/statements.ts';

/** A query, as pg's clients and pools accept it. */
interface QueryConfig {
  text: string;
  values?: unknown[];
}

type Callback = (error: unknown, result?: unknown) => void;

/** The part of pg's `Client` that query builders use. */
export interface ModuleConnection {
  query(config: string | QueryConfig, values?: unknown): Promise<unknown> | undefined;
  readonly processID: number;
}

/** A statement of a module that the server rejected. */
export interface FailedStatement {
  sql: string;
  /** The server's message. Query builders put the whole statement before it. */
  message: string;
}

const failures = new WeakMap<object, FailedStatement>();

function noteFailure(error: unknown, sql: string): void {
  if (error instanceof Error) failures.set(error, { sql, message: error.message });
}

/** Returns the statement that an error of a module comes from, where a statement failed. */
export function failedStatementOf(error: unknown): FailedStatement | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const found = failures.get(at);
    if (found) return found;
  }
  return undefined;
}

/** A query text that is answered without asking the server. */
export const answeredHere = '-- nothing to do';

/**
 * Returns the connection that a module gets: values are parsed by pg's own parsers, and in a
 * transaction of dbops, statements that would end it are rejected.
 *
 * @param opening sent before the first query
 * @param parsers of the project's own pg, if installed
 */
export function moduleConnection(
  { client, pid }: Session,
  inTransaction: boolean,
  { opening, parsers = types }: { opening?: Opening; parsers?: typeof types } = {},
): ModuleConnection {
  // Sent one after another: a module may start several queries at once, for which its tool has a pool.
  let last: Promise<unknown> = Promise.resolve();
  const run = (config: QueryConfig): Promise<unknown> => {
    const send = async () => {
      if (config.text === answeredHere) return { command: '', rows: [], rowCount: 0 };
      // The protocol ends a text at its first NUL: the server would run a part of it.
      if (config.text.includes('\0'))
        throw new Error(
          'The statement contains a NUL character, which PostgreSQL does not accept.',
        );
      if (inTransaction) await assertNoTransactionControl(config.text);
      const answered = queryBehind(opening?.take() ?? [], client, { ...config, types: parsers });
      return answered.catch((error: unknown) => {
        noteFailure(error, config.text);
        throw error;
      });
    };
    const answer = last.then(send, send);
    last = answer;
    return answer;
  };
  return {
    processID: pid,
    query(config, values) {
      if (typeof config !== 'string' && 'submit' in config) {
        // A cursor or a stream of pg, which queues behind the opening.
        const before = opening?.take() ?? [];
        if (before.length > 0) client.query(before.join('; ')).catch(() => {}); // fails with the cursor
        return client.query(config) as Promise<unknown>;
      }
      const text = typeof config === 'string' ? { text: config } : config;
      const answer = run(Array.isArray(values) ? { ...text, values } : text);
      if (typeof values !== 'function') return answer;
      const callback = values as Callback;
      answer.then(
        (result) => callback(null, result),
        (error: unknown) => callback(error),
      );
      return undefined;
    },
  };
}

/** Parsing is needed only for statements with one of these words. */
const suspicious = /\b(?:begin|start|commit|end|rollback|abort|prepare)\b/i;

async function assertNoTransactionControl(text: string): Promise<void> {
  if (!suspicious.test(text)) return;
  const statements = await splitStatements(text).catch((error: unknown) => {
    if (error instanceof SqlSyntaxError) return []; // the server reports the error
    throw error;
  });
  const ending = statements.find(
    ({ controlsTransaction, sql }) => controlsTransaction && !savepoint.test(sql),
  );
  if (ending)
    throw new Error(
      `A module in a transaction cannot begin or end one: remove ${ending.sql.trim()} from it, or put "// dbops: no-transaction" on its first line.`,
    );
}

const savepoint = /^\s*(?:savepoint|release|rollback\s+(?:(?:work|transaction)\s+)?to)\b/i;
