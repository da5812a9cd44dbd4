import { sqlstate } from './sqlstate.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, types, type ClientConfig, type QueryResultRow } from 'pg';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { codeOf, connectionError } from './connection-error.ts';
import { codeConnectionLosses } from './lost-connection.ts';
import { runScript } from './script.ts';
import { directly, ownPath, takePath, throughPooler, toOwnPath } from './search-path.ts';
import type { Target } from './target.ts';

export { ScriptError } from './script.ts';

export interface Server {
  kind: 'postgres' | 'pglite';
  /** As the server reports it, such as `16.4`. */
  version: string;
  major: number;
}

/** One connection to the target, whichever kind it is. */
export interface Session {
  readonly target: Target;
  readonly server: Server;
  /** The server process, as `pg_stat_activity` shows it. */
  readonly pid: number;
  readonly client: Client;
  /**
   * A pooler may serve each transaction from another connection (PgBouncer, Neon's `-pooler`,
   * Supavisor), because the process that the handshake named is not the one that answers. Nothing of
   * the session holds from one transaction to the next, and nothing set there may remain.
   */
  readonly isPooled: boolean;
  /** The `search_path` under which `query` and `script` run outside migrations, as SQL: `ownPath`. */
  readonly path: string;
  /** One statement with parameters (extended protocol). */
  query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  /**
   * Any number of statements in one round trip (simple protocol).
   * @throws ScriptError
   */
  script(sql: string): Promise<void>;
  /**
   * Sends the text as it is, for a statement that cannot share its message with another. Behind a
   * pooler it runs under the path of the role.
   *
   * @throws ScriptError
   */
  alone(sql: string): Promise<void>;
  close(): Promise<void>;
  /** Drops the connection without a goodbye, in the middle of whatever it does. */
  abandon(): void;
}

export interface SessionOptions {
  /** Shown in `pg_stat_activity`, so that a blocked colleague sees who we are. */
  application: string;
  /** SQL of another path than `ownPath`; `DEFAULT` is that of the role. */
  path?: string;
  /** Milliseconds. */
  connectTimeout?: number;
  /**
   * Milliseconds to go on asking a server that has no connection to spare; none by default. Many
   * who start at once need not all be served at once.
   */
  patience?: number;
  /** Called before each further attempt. */
  onCrowded?: () => void;
  signal?: AbortSignal;
}

const oid = { int8: 20, date: 1082, timestamp: 1114 };

/** Own parsers, per client: int8 keeps all its digits, dates are not shifted by the local zone. */
const parsers: ClientConfig['types'] = {
  getTypeParser: ((type: number, format: 'text' | 'binary') => {
    if (format === 'text' && type === oid.int8) return BigInt;
    if (format === 'text' && (type === oid.date || type === oid.timestamp)) return String;
    return types.getTypeParser(type, format);
  }) as typeof types.getTypeParser,
};

/**
 * Connects.
 *
 * @throws DbopsError with exit code 3 when the database can't be reached or refuses us,
 *   7 when the embedded database is open in another process
 */
export async function openSession(target: Target, options: SessionOptions): Promise<Session> {
  const { patience = 0, onCrowded = () => {}, signal } = options;
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      return await connect(target, options);
    } catch (error) {
      const isCrowded =
        error instanceof DbopsError && codeOf(error.cause) === sqlstate.tooManyConnections;
      if (!isCrowded || Date.now() > deadline) throw error;
      onCrowded();
      await sleep(100 + Math.random() * 400, undefined, signal && { signal });
    }
  }
}

async function connect(target: Target, options: SessionOptions): Promise<Session> {
  const client = new Client({
    ...(await clientConfig(target, options.connectTimeout ?? 10_000)),
    application_name: options.application,
    types: parsers,
  });
  let version = '';
  client.connection.on(
    'parameterStatus',
    (status: { parameterName: string; parameterValue: string }) => {
      if (status.parameterName === 'server_version') version = status.parameterValue;
    },
  );
  codeConnectionLosses(client);
  try {
    await client.connect();
  } catch (error) {
    throw connectionError(target, error);
  }
  const pid = (client as Client & { processID: number }).processID;
  const path = options.path ?? ownPath;
  const isPooled = await takePath(client, target, pid, path).catch(async (error: unknown) => {
    await client.end().catch(() => {});
    throw connectionError(target, error);
  });
  return {
    target,
    server: {
      kind: target.kind,
      version: version.split(' ')[0] ?? version,
      major: Number.parseInt(version, 10),
    },
    pid,
    client,
    isPooled,
    path,
    ...(isPooled ? throughPooler(client, path) : directly(client)),
    alone: (sql) => runScript(client, sql),
    close: () => client.end(),
    abandon: () => void client.connection.stream.destroy(),
  };
}

async function clientConfig(target: Target, connectTimeout: number): Promise<ClientConfig> {
  if (target.kind === 'postgres')
    return { ...target.config, keepAlive: true, connectionTimeoutMillis: connectTimeout };
  // No time limit: on a busy machine, or after a crash, it takes long to open but does so in the end.
  const { startEngine } = await import('./pglite.ts');
  const socket = await startEngine(target.directory, target.extensions);
  const stream = () => socket as never;
  return { user: 'postgres', database: 'postgres', ssl: false, stream };
}

/**
 * Runs `work` in one REPEATABLE READ READ ONLY transaction: figures agree with one another, and
 * the server itself refuses a write.
 */
export async function readOnly<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.script(
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL TimeZone = 'UTC'",
  );
  try {
    const result = await work();
    await session.script('COMMIT');
    return result;
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    throw codeOf(error) === sqlstate.readOnlySqlTransaction ? writesWhenRead(error) : error;
  }
}

/**
 * One statement in a read-only transaction of its own, in one message, whose statements are a
 * transaction without BEGIN (server manual, "Multiple Statements in a Simple Query"); inside a
 * transaction, the statement alone.
 */
export async function readOnce<R extends QueryResultRow>(
  session: Session,
  sql: string,
): Promise<R[]> {
  const { client } = session;
  if (client.getTransactionStatus() !== 'I') return session.query<R>(sql);
  try {
    const text = `SET TRANSACTION READ ONLY; ${toOwnPath(session)}; ${sql}`;
    return [await client.query<R>(text)].flat()[2]?.rows ?? [];
  } catch (error) {
    throw codeOf(error) === sqlstate.readOnlySqlTransaction ? writesWhenRead(error) : error;
  }
}

function writesWhenRead(cause: unknown): DbopsError {
  return new DbopsError({
    code: 'DATABASE.WRITES_WHEN_READ',
    exitCode: exitCodes.failed,
    message: 'A query tried to write in a read-only transaction; nothing was changed.',
    reason: [`SQLSTATE ${sqlstate.readOnlySqlTransaction}: ${messageOf(cause)}`],
    hint: 'A view, a policy or a function that the query uses contains the statement above; it must not write.',
    cause,
  });
}

/** Runs `work` in one transaction, rolled back when it throws. */
export async function transaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.script('BEGIN');
  try {
    const result = await work();
    await session.script('COMMIT');
    return result;
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {});
    throw error;
  }
}
