import { Query, type Client } from 'pg';
import { withLossCode } from './lost-connection.ts';

/** A statement of a script failed; the ones before it were executed in the same message. */
export class ScriptError extends Error {
  /** How many statements completed before the one that failed. */
  readonly completed: number;
  constructor(cause: Error, completed: number) {
    super(cause.message, { cause });
    this.completed = completed;
  }
}

/** @param before a statement that is not the caller's: neither counted, nor part of an error's position */
export function runScript(client: Client, sql: string, before = ''): Promise<void> {
  let completed = before === '' ? 0 : -1;
  const count = () => completed++;
  client.connection.on('commandComplete', count);
  return new Promise<void>((resolve, reject) => {
    const query = new Query(`${before}${sql}`, (error) => {
      client.connection.off('commandComplete', count);
      if (error)
        reject(new ScriptError(placedIn(withLossCode(client, error), before.length), completed));
      else resolve();
    });
    client.query(query);
  });
}

/** Returns the error with its position in the text without the prefix of `offset` characters. */
export function placedIn<E>(error: E, offset: number): E {
  if (error instanceof Error && 'position' in error && Number(error.position) > offset)
    error.position = `${Number(error.position) - offset}`;
  return error;
}
