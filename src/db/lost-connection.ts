import type { Client } from 'pg';
import { codeOf } from './connection-error.ts';

/** Of the clients that have lost their connection: the first error that said so, if any. */
const losses = new WeakMap<Client, unknown>();

/**
 * Gives ECONNRESET to the errors with which pg reports that the connection of this client has ended, and the reason
 * of the loss as their cause. pg creates them without both (`lib/client.js`: `_connect`, `query`).
 */
export function codeConnectionLosses(client: Client): void {
  client.connection.once('end', () => {
    if (!losses.has(client)) losses.set(client, undefined);
  });
  // Without a listener, a connection that breaks while idle would end the process.
  client.on('error', (error) => {
    losses.set(client, losses.get(client) ?? error);
    withLossCode(client, error);
  });
  const send: (...query: unknown[]) => unknown = client.query.bind(client);
  const query = (...args: unknown[]) => {
    const result = send(...args);
    return result instanceof Promise
      ? result.catch((error: unknown) => Promise.reject(withLossCode(client, error)))
      : result;
  };
  Object.assign(client, { query });
}

/** Returns the error, with the code ECONNRESET and a cause if the client has lost its connection. */
export function withLossCode<E>(client: Client, error: E): E {
  if (!losses.has(client) || !(error instanceof Error) || codeOf(error) !== '') return error;
  const loss = losses.get(client);
  return Object.assign(error, { code: 'ECONNRESET', ...(loss !== error && { cause: loss }) });
}
