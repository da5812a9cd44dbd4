import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Frames, sqlOf, typeOf } from './frames.ts';

/** What becomes of a request of the client. */
export type Verdict =
  | 'pass'
  /** The connection breaks before the server has it. */
  | 'lose request'
  /** The server does it, and the connection breaks before the client knows. */
  | 'lose answer'
  /** The server does it, and the client never hears of it. */
  | 'hold answer';

export interface Wire {
  /** The database, by way of the wire. */
  url: string;
  /** Fulfilled when the server has done what is held or lost. */
  reached: Promise<void>;
  cut(): void;
}

/** Runs `work` with a wire to the server on which every request can be stopped. */
export async function withWire<T>(
  url: string,
  judge: (sql: string) => Verdict,
  work: (wire: Wire) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const listener = createServer((client) => {
    const server = connect(Number(new URL(url).port), new URL(url).hostname);
    for (const socket of [client, server]) sockets.add(socket.setNoDelay().on('error', () => {}));
    join(client, server, judge, resolve);
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const address = listener.address();
  const through = new URL(url);
  through.port = typeof address === 'object' ? `${address?.port}` : '';
  const cut = () => sockets.forEach((socket) => socket.destroy());
  try {
    return await work({ url: through.href, reached, cut });
  } finally {
    cut();
    listener.close();
  }
}

function join(
  client: Socket,
  server: Socket,
  judge: (sql: string) => Verdict,
  onReached: () => void,
): void {
  let verdict: Verdict = 'pass';
  const end = () => [client, server].forEach((socket) => socket.destroy());
  const requests = new Frames({ hasStartup: true });
  const answers = new Frames({ hasStartup: false });
  client.on('close', end).on('data', (chunk: Buffer) => {
    for (const message of requests.push(chunk)) {
      if (['Q', 'P'].includes(typeOf(message))) verdict = judge(sqlOf(message));
      if (verdict === 'lose request') return end();
      server.write(message);
    }
  });
  server.on('close', end).on('data', (chunk: Buffer) => {
    for (const message of answers.push(chunk)) {
      if (verdict === 'pass') client.write(message);
      else if (typeOf(message) === 'Z') {
        onReached();
        if (verdict === 'lose answer') end();
      }
    }
  });
}
