import type { Client, QueryResultRow } from 'pg';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import { runScript } from './script.ts';
import type { Target } from './target.ts';

/**
 * The search_path of every statement that dbops itself writes. A role that may create objects in a
 * schema of the path can add an operator or function that matches argument types more closely than
 * the one of pg_catalog (server manual, "Operator Type Resolution"); it would run with the rights
 * of the user of dbops. pg_temp is searched first for tables and types unless the path names it.
 */
export const ownPath = 'pg_catalog, pg_temp';

/** The properties of a session that determine its search_path. */
interface PathOwner {
  /** The path of dbops, as SQL. */
  readonly path: string;
  /** See `Session.isPooled`. */
  readonly isPooled: boolean;
  /** See `Session.statementTimeout`. */
  readonly statementTimeout?: number | undefined;
  readonly client: Client;
}

/** Returns SQL that sets the path of the role for the rest of the transaction. */
export const toUserPath = 'SET LOCAL search_path TO DEFAULT';

/** Returns SQL that sets the path of dbops for the rest of the transaction. */
export function toOwnPath({ path }: Pick<PathOwner, 'path'>): string {
  return `SET LOCAL search_path TO ${path}`;
}

/** Returns the same SQL, after statements that may have SET the path for the session. */
export function backToOwnPath({ path, isPooled }: Pick<PathOwner, 'path' | 'isPooled'>): string {
  return `SET ${isPooled ? 'LOCAL' : 'SESSION'} search_path TO ${path}`;
}

/** Returns SQL that undoes every SET of the session, except for the path and the limit of dbops. */
export function resetSettings({
  path,
  isPooled,
  statementTimeout,
}: Pick<PathOwner, 'path' | 'isPooled' | 'statementTimeout'>): string {
  if (isPooled) return 'RESET ALL';
  const limit =
    statementTimeout === undefined ? '' : `; SET statement_timeout = ${statementTimeout}`;
  return `RESET ALL; SET search_path TO ${path}${limit}`;
}

/** Returns SQL that limits the rest of the transaction, behind a pooler, which keeps no session settings. */
function limitThroughPooler({
  isPooled,
  statementTimeout,
}: Pick<Partial<PathOwner>, 'isPooled' | 'statementTimeout'>): string {
  return isPooled === true && statementTimeout !== undefined
    ? `SET LOCAL statement_timeout = ${statementTimeout}; `
    : '';
}

/**
 * Runs one statement under the path of the role: a statement that reads the path, or that calls
 * code of the application which may rely on it. The SQL qualifies what it uses:
 * `OPERATOR(pg_catalog.=)`, `pg_catalog.count(*)`.
 * @param toPath SQL that sets another path
 */
export async function underUserPath<R extends QueryResultRow>(
  session: Pick<PathOwner, 'client' | 'path'> &
    Pick<Partial<PathOwner>, 'isPooled' | 'statementTimeout'>,
  sql: string,
  toPath = toUserPath,
): Promise<R[]> {
  const isOwn = session.client.getTransactionStatus() === 'I'; // a transaction has its own limits
  const settings = `${isOwn ? limitThroughPooler(session) : ''}${toPath}`;
  const answers = await session.client.query<R>(`${settings}; ${sql}; ${toOwnPath(session)}`);
  // pg returns one result per statement, which its types do not express; toPath may be several.
  return [answers].flat().at(-2)?.rows ?? [];
}

/** Returns the schema in which the path of the role finds a table, index, view or sequence. */
export async function schemaOf(
  session: Pick<PathOwner, 'client' | 'path'>,
  name: string,
  toPath = toUserPath,
): Promise<string | undefined> {
  const [row] = await underUserPath<{ schema: string }>(session, schemaSql(name), toPath);
  return row?.schema;
}

/** Returns a SELECT of the same, for a session that has the path of the role. */
export function schemaSql(name: string): string {
  return `SELECT n.nspname AS schema FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${quoteLiteral(quoteIdentifier(name))})`;
}

/**
 * Sets the path for the session, unless a pooler would return the connection to other clients with
 * it. Until then the path is the role's, so everything is qualified.
 * @returns whether a pooler is in between
 */
export async function takePath(
  client: Client,
  { kind }: Target,
  pid: number,
  { path, statementTimeout }: Pick<PathOwner, 'path' | 'statementTimeout'>,
): Promise<boolean> {
  if (kind === 'pglite') {
    await client.query(`SET search_path TO ${path}`);
    return false;
  }
  const isDirect = `pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) ${pid}`;
  const sets = [
    ...(path === 'DEFAULT' ? [] : [setConfig('search_path', path)]),
    ...(statementTimeout === undefined
      ? []
      : [setConfig('statement_timeout', `${statementTimeout}`)]),
  ].map((set) => `, CASE WHEN ${isDirect} THEN ${set} END`);
  const { rows } = await client.query<{ direct: boolean }>(
    `SELECT ${isDirect} AS direct${sets.join('')}`,
  );
  return rows[0]?.direct !== true;
}

function setConfig(name: string, value: string): string {
  return `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`;
}

/** Returns how statements of dbops are sent; see `Session`. */
interface Statements {
  query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  script(sql: string): Promise<void>;
}

export function directly(client: Client): Statements {
  return {
    query: async (sql, values) => (await client.query(sql, values ?? [])).rows,
    script: (sql) => runScript(client, sql),
  };
}

/** The path lasts for a transaction, so each sets it first, also that of a message with several statements. */
export function throughPooler(
  client: Client,
  { path, statementTimeout }: Pick<PathOwner, 'path' | 'statementTimeout'>,
): Statements {
  const limit = limitThroughPooler({ isPooled: true, statementTimeout });
  const setPath = `SET LOCAL search_path TO ${path}; ${limit}`;
  const isWithin = () => client.getTransactionStatus() !== 'I';
  return {
    async query(sql, values = []) {
      if (isWithin()) return (await client.query(sql, values)).rows;
      await runScript(client, `BEGIN; ${setPath}`);
      try {
        const { rows } = await client.query(sql, values);
        await runScript(client, 'COMMIT');
        return rows;
      } catch (error) {
        await runScript(client, 'ROLLBACK').catch(() => {});
        throw error;
      }
    },
    script: (sql) =>
      isWithin() || endsTransaction.test(sql)
        ? runScript(client, sql)
        : runScript(client, sql, setPath),
  };
}

/** After an error pg reports the state before it: such a text may end a failed transaction. */
const endsTransaction = /^(?:ROLLBACK|COMMIT)\b/;
