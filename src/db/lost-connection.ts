import type { Client } from 'pg';
import { codeOf } from './connection-error.ts';

const lostClients = new WeakSet<Client>();

/**
 * Gives ECONNRESET to the errors with which pg reports that the connection of this client has ended.
 * pg creates them without a code (`lib/client.js`: `_connect`, `query`).
 */
export function codeConnectionLosses(client: Client): void {
  client.connection.once('end', () => lostClients.add(client));
  // Without a listener, a connection that breaks while idle would end the process.
  client.on('error', (error) => {
    lostClients.add(client);
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

/** Returns the error, with the code ECONNRESET if the client has lost its connection. */
export function withLossCode<E>(client: Client, error: E): E {
  const needsCode = lostClients.has(client) && error instanceof Error && codeOf(error) === '';
  return needsCode ? Object.assign(error, { code: 'ECONNRESET' }) : error;
}
