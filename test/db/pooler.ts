import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Frames, frame, text, typeOf } from './frames.ts';

/** A server connection, and the client that has it for the length of a transaction. */
interface Backend {
  socket: Socket;
  client?: Client;
  /** Answers of the pooler's own requests, which no client sees. */
  unheard: number;
  /** What the client has not been told yet. */
  lastWords?: Buffer;
}

interface Client {
  socket: Socket;
  application: string;
  backend?: Backend;
  /** Waiting for a server connection. */
  unsent: Buffer[];
}

/**
 * Runs `work` behind a pooler in transaction mode, as PgBouncer is one: few server connections for
 * many clients, changed at the end of every transaction, round robin; a handshake that names a
 * process that is none; `application_name` follows the client, and no other setting does.
 *
 * @param options.isLate whether the pooler tells a client that its server connection was terminated only when the
 *   client sends its next request, and keeps the connection of the client open
 */
export async function withPooler<T>(
  url: string,
  size: number,
  work: (pooledUrl: string) => Promise<T>,
  { isLate = false } = {},
): Promise<T> {
  const pool = new Pool(new URL(url), size, isLate);
  await pool.open();
  const listener = createServer((socket) => pool.accept(socket));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const address = listener.address();
  const pooled = new URL(url);
  pooled.port = typeof address === 'object' ? `${address?.port}` : '';
  try {
    return await work(pooled.href);
  } finally {
    listener.close();
    pool.close();
  }
}

class Pool {
  readonly #server: URL;
  readonly #size: number;
  readonly #isLate: boolean;
  readonly #free: Backend[] = [];
  readonly #waiting: Client[] = [];
  readonly #sockets = new Set<Socket>();
  /** What the server tells every client at its start. */
  readonly #greeting: Buffer[] = [];

  constructor(server: URL, size: number, isLate: boolean) {
    this.#server = server;
    this.#size = size;
    this.#isLate = isLate;
  }

  async open(): Promise<void> {
    for (let index = 0; index < this.#size; index++) await this.#addBackend();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #addBackend(): Promise<void> {
    const socket = this.#watch(connect(Number(this.#server.port), this.#server.hostname));
    const backend: Backend = { socket, unheard: 0 };
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const isFirst = this.#greeting.length === 0;
    let isReady = false;
    const answers = new Frames({ hasStartup: false });
    socket.on('data', (chunk: Buffer) => {
      for (const message of answers.push(chunk)) {
        if (isReady) this.#answer(backend, message);
        else if (typeOf(message) === 'Z') resolve(void (isReady = true));
        else if (isFirst && 'RS'.includes(typeOf(message))) this.#greeting.push(message);
      }
    });
    socket.on('close', () => this.#lose(backend));
    const { username, pathname } = this.#server;
    const body = text('user', username, 'database', pathname.slice(1), '');
    const head = Buffer.alloc(8);
    head.writeUInt32BE(body.length + 8, 0);
    head.writeUInt32BE(0x00030000, 4);
    socket.write(Buffer.concat([head, body]));
    await ready;
    this.#give(backend);
  }

  accept(socket: Socket): void {
    const client: Client = { socket: this.#watch(socket), application: '', unsent: [] };
    const requests = new Frames({ hasStartup: true });
    let isStarted = false;
    socket.on('data', (chunk: Buffer) => {
      for (const message of requests.push(chunk)) {
        if (!isStarted) {
          isStarted = true;
          this.#start(client, message);
        } else if (typeOf(message) === 'X') socket.end();
        else this.#request(client, message);
      }
    });
    socket.on('close', () => this.#leave(client));
  }

  #start(client: Client, message: Buffer): void {
    const words = message.subarray(8).toString().split('\0');
    client.application = words[words.indexOf('application_name') + 1] ?? '';
    const key = Buffer.alloc(8);
    key.writeUInt32BE(4_000_000 + Math.floor(Math.random() * 1_000_000), 0);
    client.socket.write(
      Buffer.concat([...this.#greeting, frame('K', key), frame('Z', Buffer.from('I'))]),
    );
  }

  #request(client: Client, message: Buffer): void {
    if (client.backend) {
      const { socket, lastWords } = client.backend;
      socket.write(message);
      if (lastWords) client.socket.write(lastWords);
      delete client.backend.lastWords;
      return;
    }
    client.unsent.push(message);
    if (!this.#waiting.includes(client)) this.#waiting.push(client);
    this.#serve();
  }

  #serve(): void {
    while (this.#free.length > 0 && this.#waiting.length > 0) {
      const [backend, client] = [this.#free.shift(), this.#waiting.shift()];
      if (!backend || !client) return;
      backend.client = client;
      client.backend = backend;
      backend.unheard = 1;
      const name = client.application.replaceAll("'", "''");
      backend.socket.write(frame('Q', text(`SET application_name = '${name}'`)));
      for (const message of client.unsent.splice(0)) backend.socket.write(message);
    }
  }

  #answer(backend: Backend, message: Buffer): void {
    const isReady = typeOf(message) === 'Z';
    if (backend.unheard > 0) {
      if (isReady) backend.unheard -= 1;
      return;
    }
    const { client } = backend;
    if (this.#isLate && typeOf(message) === 'E' && message.includes('57P01')) {
      backend.lastWords = message;
      return;
    }
    client?.socket.write(message);
    if (!client || !isReady || message[5] !== 'I'.charCodeAt(0)) return;
    delete client.backend;
    delete backend.client;
    this.#give(backend);
  }

  #give(backend: Backend): void {
    this.#free.push(backend);
    this.#serve();
  }

  /** Closes the connection of a client whose server connection was closed, after the last message of the server. */
  #lose(backend: Backend): void {
    const at = this.#free.indexOf(backend);
    if (at >= 0) this.#free.splice(at, 1);
    if (!this.#isLate) backend.client?.socket.end();
  }

  /** A transaction that is left behind ends with its server connection. */
  #leave(client: Client): void {
    const at = this.#waiting.indexOf(client);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (!client.backend) return;
    client.backend.socket.destroy();
    void this.#addBackend();
  }

  #watch(socket: Socket): Socket {
    this.#sockets.add(socket.setNoDelay().on('error', () => {}));
    return socket;
  }
}
