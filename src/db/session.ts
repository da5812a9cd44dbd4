import { isSqlState, sqlstate } from './sqlstate.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, types, type ClientConfig, type QueryResultRow } from 'pg';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { firstOf, hasRole } from './attempts.ts';
import { codeOf, connectionError, otherRole } from './connection-error.ts';
import { codeConnectionLosses } from './lost-connection.ts';
import { readAllRows } from './row-security.ts';
import { runScript, ScriptError } from './script.ts';
import { directly, ownPath, takePath, throughPooler, toOwnPath } from './search-path.ts';
import type { ServerRole } from './server-choice.ts';
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
   * A pooler may serve each transaction on another connection (PgBouncer, Neon's `-pooler`,
   * Supavisor); the server process that answers is then not the one of the handshake. Session
   * settings are lost between transactions, and none may remain.
   */
  readonly isPooled: boolean;
  /** The `search_path` under which `query` and `script` run outside migrations, as SQL: `ownPath`. */
  readonly path: string;
  /** Milliseconds after which the server cancels a statement of dbops; 0 is never; absent: as the role has it. */
  readonly statementTimeout?: number;
  /** One statement with parameters (extended protocol). */
  query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  /**
   * Any number of statements in one round trip (simple protocol).
   * @throws ScriptError
   */
  script(sql: string): Promise<void>;
  /**
   * Sends the text unchanged, for a statement that cannot share its message with another. Behind a
   * pooler it runs under the path of the role.
   *
   * @throws ScriptError
   */
  alone(sql: string): Promise<void>;
  close(): Promise<void>;
  /** Closes the connection immediately, whatever it is doing. */
  abandon(): void;
}

export interface SessionOptions {
  /** Shown in `pg_stat_activity`, to identify the session to others. */
  application: string;
  /** SQL of another path than `ownPath`; `DEFAULT` is that of the role. */
  path?: string;
  /** See `Session.statementTimeout`. */
  statementTimeout?: number;
  /** Milliseconds. */
  connectTimeout?: number;
  /** Milliseconds to retry while the server has no free connection; none by default. */
  patience?: number;
  /** Called before each further attempt. */
  onCrowded?: () => void;
  /** Milliseconds to wait for a server that does not accept connections yet; none by default. */
  waitForServer?: number;
  /** Called before each further attempt to reach the server. */
  onUnreachable?: () => void;
  signal?: AbortSignal;
}

const oid = { int8: 20, date: 1082, timestamp: 1114 };

/**
 * Parsers per client: int8 keeps all its digits, and dates are not shifted by the local time zone.
 */
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
 * @throws DbopsError with exit code 3 when the server cannot be reached or rejects the connection,
 *   7 when the embedded database is open in another process
 */
export async function openSession(target: Target, options: SessionOptions): Promise<Session> {
  const { patience = 0, onCrowded = () => {}, signal } = options;
  const { waitForServer = 0, onUnreachable = () => {} } = options;
  const started = Date.now();
  for (;;) {
    try {
      return await firstOf(target, (one, role) => connectOnce(one, role, options));
    } catch (error) {
      if (!(error instanceof DbopsError)) throw error;
      const isCrowded = codeOf(error.cause) === sqlstate.tooManyConnections;
      const limit = isCrowded ? Math.max(patience, waitForServer) : waitForServer;
      if (!isCrowded && !mayStillStart(error)) throw error;
      if (Date.now() - started >= limit) throw error;
      (isCrowded ? onCrowded : onUnreachable)();
      await sleep(100 + Math.random() * 400, undefined, signal && { signal });
    }
  }
}

/** Returns whether a server that is starting could have caused the error. */
function mayStillStart({ code, cause }: DbopsError): boolean {
  const reason = codeOf(cause);
  const isStarting = reason === sqlstate.cannotConnectNow;
  return code === 'DATABASE.UNREACHABLE' && (isStarting || !isSqlState(reason));
}

async function connectOnce(
  target: Target,
  role: ServerRole,
  options: SessionOptions,
): Promise<Session> {
  const client = new Client({
    ...(await clientConfig(target, options.connectTimeout ?? 10_000)),
    application_name: options.application,
    types: parsers,
  });
  const status = new Map<string, string>();
  client.connection.on(
    'parameterStatus',
    ({ parameterName, parameterValue }: { parameterName: string; parameterValue: string }) =>
      void status.set(parameterName, parameterValue),
  );
  codeConnectionLosses(client);
  try {
    await client.connect();
  } catch (error) {
    // pg leaves the socket open where it has no password to send. The server process then waits for one,
    // and until its authentication_timeout (60 s) every DROP DATABASE waits for that process.
    client.connection.stream.destroy();
    throw connectionError(target, error);
  }
  if (!hasRole(role, status)) {
    await client.end().catch(() => {});
    throw otherRole(target, role);
  }
  const version = status.get('server_version') ?? '';
  const pid = (client as Client & { processID: number }).processID;
  const { path = ownPath, statementTimeout } = options;
  const own = { path, ...(statementTimeout !== undefined && { statementTimeout }) };
  const isPooled = await takePath(client, target, pid, own).catch(async (error: unknown) => {
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
    ...own,
    ...withStatements({
      ...(isPooled ? throughPooler(client, own) : directly(client)),
      alone: (sql) => runScript(client, sql),
    }),
    close: () => client.end(),
    abandon: () => void client.connection.stream.destroy(),
  };
}

const failed = new WeakMap<object, string>();

/** Returns the text that was sent when the server reported an error; undefined for another error. */
export function statementOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? failed.get(error) : undefined;
}

type Statements = Pick<Session, 'query' | 'script' | 'alone'>;

/** Remembers the text of a failed statement, which the server's error does not contain. */
function withStatements({ query, script, alone }: Statements): Statements {
  const noted = <T>(sql: string, work: Promise<T>) =>
    work.catch((error: unknown) => {
      const cause = error instanceof ScriptError ? error.cause : error;
      if (typeof cause === 'object' && cause !== null) failed.set(cause, sql);
      throw error;
    });
  return {
    query: (sql, values) => noted(sql, query(sql, values)),
    script: (sql) => noted(sql, script(sql)),
    alone: (sql) => noted(sql, alone(sql)),
  };
}

async function clientConfig(target: Target, connectTimeout: number): Promise<ClientConfig> {
  if (target.kind === 'postgres')
    return { connectionTimeoutMillis: connectTimeout, ...target.config, keepAlive: true };
  // No time limit: on a busy machine, or after a crash, opening takes long but completes.
  const { startEngine } = await import('./pglite.ts');
  const socket = await startEngine(target.directory, target.extensions);
  const stream = () => socket as never;
  return { user: 'postgres', database: 'postgres', ssl: false, stream };
}

/**
 * Runs `work` in one REPEATABLE READ READ ONLY transaction: all figures are of one moment, and the
 * server rejects a write.
 */
export async function readOnly<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.script(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL TimeZone = 'UTC'; ${readAllRows}`,
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
 * Runs one statement in a read-only transaction of its own. No BEGIN is sent: the server runs the
 * statements of one message as one transaction (server manual, "Multiple Statements in a Simple Query").
 * Inside a transaction, the statement is sent alone.
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
    if (typeof error === 'object' && error !== null) failed.set(error, sql);
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

/**
 * Runs `work` behind a savepoint of the caller's transaction: when it throws, its effects and the settings
 * that it changed are rolled back, and the transaction can be used further.
 */
export async function withSavepoint<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.script('SAVEPOINT dbops');
  try {
    const result = await work();
    await session.script('RELEASE SAVEPOINT dbops');
    return result;
  } catch (error) {
    await session.script('ROLLBACK TO SAVEPOINT dbops; RELEASE SAVEPOINT dbops').catch(() => {});
    throw error;
  }
}
