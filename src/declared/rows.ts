import type { FieldDef } from 'pg';
import { codeOf } from '../db/connection-error.ts';
import { readAllRows } from '../db/row-security.ts';
import { toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';

/** Values as the server prints them; `null` is NULL. */
export type TextRow = (string | null)[];

/** Some rows of a query. */
export interface TextRows {
  fields: FieldDef[];
  rows: TextRow[];
}

export interface RowsRequest {
  /** One SELECT. */
  sql: string;
  values?: readonly (string | null)[];
  /** Milliseconds that the whole query may take; 0 is no limit. */
  timeout: number;
  /** Rows that are fetched at once. Default: 1,000. */
  batch?: number;
}

/** A query was cancelled because it took longer than its limit. */
export class QueryTimeout extends Error {}

/** The statement in front of the text of the query, in which the server counts the position of an error. */
export const cursorHead = 'DECLARE dbops_rows NO SCROLL CURSOR FOR\n';

/** The types of all columns: the text of the server loses no digit of any type. */
const asText = { getTypeParser: () => String };

/**
 * Yields the rows of a query in batches by a cursor, under the path of the role, inside the READ ONLY
 * transaction of the caller. The settings end with the query, and an error leaves the transaction usable. A
 * query without rows yields one empty batch.
 *
 * @throws QueryTimeout; the error of the server
 */
export async function* textRows(session: Session, request: RowsRequest): AsyncGenerator<TextRows> {
  const { client } = session;
  const limit = limitOf(request.timeout);
  const { batch = 1_000 } = request;
  await session.script('SAVEPOINT dbops_rows');
  try {
    // A cursor is planned for its first tenth unless this setting says otherwise (server manual, `cursor_tuple_fraction`).
    await session.script(
      `${toUserPath}; ${readAllRows}; SET LOCAL cursor_tuple_fraction = 1; ${limit.sql()}`,
    );
    const text = `${cursorHead}${request.sql}\n`;
    await client.query({ text, values: [...(request.values ?? [])] });
    for (;;) {
      const fetch = `${limit.sql()}; FETCH FORWARD ${batch} FROM dbops_rows`;
      const answers: unknown = await client.query({ text: fetch, types: asText, rowMode: 'array' });
      // pg returns one result per statement, which its types do not express.
      const { fields, rows } = [answers].flat().at(-1) as TextRows;
      yield { fields, rows };
      if (rows.length < batch) return;
      limit.assert();
    }
  } catch (error) {
    throw codeOf(error) === sqlstate.queryCanceled && limit.isOver() ? new QueryTimeout() : error;
  } finally {
    const back = 'ROLLBACK TO SAVEPOINT dbops_rows; RELEASE SAVEPOINT dbops_rows';
    await session.script(back).catch(() => {});
  }
}

/** The limit of a query of several statements; the embedded engine has no timers of its own. */
function limitOf(timeout: number) {
  const end = Date.now() + timeout;
  const isOver = () => timeout > 0 && Date.now() >= end - 50;
  return {
    isOver,
    assert() {
      if (isOver()) throw new QueryTimeout();
    },
    sql: () =>
      `SET LOCAL statement_timeout = ${timeout > 0 ? Math.max(1, Math.round(end - Date.now())) : 0}`,
  };
}
